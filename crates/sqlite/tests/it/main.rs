//! Properties that the engines rely on, with a real file and with both databases in memory.

#[cfg(test)]
mod database;
#[cfg(test)]
mod log;
#[cfg(test)]
mod migrations;
