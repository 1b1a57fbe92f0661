//! A log whose target refuses, or blocks.

use std::sync::mpsc;

use super::*;

/// A target that takes lines while it works. It blocks before each line until the test releases it.
struct Target {
    works: Arc<Mutex<bool>>,
    written: Arc<Mutex<Vec<u8>>>,
    go: Option<mpsc::Receiver<()>>,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(go) = &self.go {
            go.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        if !*self.works.lock() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Switch = Arc<Mutex<bool>>;

fn sink(go: Option<mpsc::Receiver<()>>) -> (Sink, Switch, Arc<Mutex<Vec<u8>>>) {
    let (works, written) = (Arc::new(Mutex::new(true)), Arc::default());
    let target = Target { works: Arc::clone(&works), written: Arc::clone(&written), go };
    (Sink::start(Box::new(target), Repeats::default()).unwrap(), works, written)
}

#[test]
fn lines_are_written_in_their_order() {
    let (sink, _, written) = sink(None);
    for line in ["a\n", "b\n", "c\n"] {
        sink.push(line.into());
    }
    sink.flush();
    assert_eq!(*written.lock(), b"a\nb\nc\n");
}

#[test]
fn lines_that_a_full_disk_refuses_are_counted() {
    let (sink, works, written) = sink(None);
    *works.lock() = false;
    for _ in 0..3 {
        sink.push(b"lost\n".to_vec());
    }
    sink.flush();
    assert_eq!(sink.missing().lost, 3);
    *works.lock() = true;
    sink.push(b"kept\n".to_vec());
    sink.flush();
    assert_eq!(*written.lock(), b"kept\n");
    assert_eq!(sink.missing().lost, 3);
}

#[test]
fn an_unread_pipe_blocks_nobody_and_memory_is_limited() {
    let (_go, blocked) = mpsc::channel();
    let (sink, _, _) = sink(Some(blocked));
    let line = vec![b'x'; 1024];
    for _ in 0..3 * BUFFER_BYTES / line.len() {
        sink.push(line.clone());
    }
    assert!(sink.missing().lost > 0);
    assert!(sink.0.lock().bytes <= BUFFER_BYTES);
    sink.flush();
}
