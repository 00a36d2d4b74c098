// Stands for a package that no code we use reaches, and that needs Node: see build.mjs.
module.exports = {};
