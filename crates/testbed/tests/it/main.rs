//! The rules of CONTRIBUTING.md that a program can check, over every source file of the workspace.

#[cfg(test)]
mod rules;
