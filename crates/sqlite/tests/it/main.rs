//! What the engines rely on, over a real file and over both databases in memory.

#[cfg(test)]
mod database;
#[cfg(test)]
mod log;
#[cfg(test)]
mod migrations;
