// Klpsim runs small kernel races, instruction by instruction, on a simulated
// multi-core x86-64 machine.
//
// The package is the program only: the cobra tree, the terminal, exit codes.
// What a command does lives in the packages under kernel; each command has a
// file of its own here that reads arguments and prints. There are no
// package-level flag variables: New builds a fresh tree with its streams.
//
// Exit codes: 0 every check held and every expectation was met; 1 a check was
// violated or an expectation missed; 2 bad usage or bad input; 3 inconclusive,
// a bound was hit.
package main
