/** Keeps the tests of this project from passing on the wrong processor. */
if (process.arch !== 'arm64') throw new Error(`these tests run on ${process.arch}, not on arm64`);
