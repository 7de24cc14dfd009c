/** Where the script beside this file is, which the application's own Node loads: the build leaves it as it is. */

export const nameHost: URL = new URL('./name-host.cjs', import.meta.url);
