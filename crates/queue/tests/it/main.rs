//! The engines of the queue against its contract, and the special features of each.

#![expect(clippy::disallowed_methods, reason = "tests take seeds and times from outside")]

#[cfg(test)]
mod brokers;
#[cfg(test)]
mod group;
#[cfg(test)]
mod rabbitmq;
#[cfg(test)]
mod rabbitmq_access;
#[cfg(test)]
mod rabbitmq_census;
#[cfg(test)]
mod rabbitmq_cluster;
#[cfg(test)]
mod rabbitmq_confirms;
#[cfg(test)]
mod rabbitmq_faults;
#[cfg(test)]
mod rabbitmq_foreign;
#[cfg(test)]
mod rabbitmq_lanes;
#[cfg(test)]
mod rabbitmq_numbers;
#[cfg(test)]
mod rigs;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod sqlite_damage;

#[cfg(test)]
mod sqlite_file {
    queue::contract_suite!(crate::rigs::SqliteRig::file());
}

#[cfg(test)]
mod sqlite_inline {
    queue::contract_suite!(crate::rigs::SqliteRig::inline());
}

#[cfg(test)]
mod rabbitmq_contract {
    queue::contract_suite!(crate::brokers::RabbitRig::shared().await);
}
