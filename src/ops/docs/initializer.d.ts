/** Path of the file, in the source tree or inside the binary. */
declare const path: string;
export default path;
