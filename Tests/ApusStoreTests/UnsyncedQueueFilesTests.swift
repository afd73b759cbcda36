import Testing

@testable import ApusStore

/// What a checkpoint has to sync of the queues.
@Suite struct UnsyncedQueueFilesTests {
  private func key(_ queue: Int, _ start: Int64 = 0) -> QueueFileCache.Key {
    QueueFileCache.Key(queue: queue, start: start)
  }

  @Test func `names files and directories, those above them too, each once`() {
    var unsynced = UnsyncedQueueFiles(limit: 10)
    for _ in 0..<2 {
      unsynced.insert(key(1), path: "/q/T/0/00")
      unsynced.insert(directory: "/q/T/0", topic: "T", root: "/q")
    }
    unsynced.insert(directory: "/q/T/1", topic: "T", root: "/q")
    #expect(unsynced.files.values.sorted() == ["/q/T/0/00"])
    #expect(unsynced.directories == ["/q", "/q/T", "/q/T/0", "/q/T/1"])
    #expect(!unsynced.isEverything)
  }

  @Test func `is everything beyond the limit, and says so until it is taken`() {
    var unsynced = UnsyncedQueueFiles(limit: 2)
    unsynced.insert(key(1), path: "/q/T/0/00")
    unsynced.insert(key(2), path: "/q/T/1/00")
    #expect(!unsynced.isEverything)
    unsynced.insert(key(3), path: "/q/T/2/00")
    unsynced.remove { _ in true }
    #expect(unsynced.isEverything)
    #expect(unsynced.files.isEmpty)
    #expect(unsynced.take().isEverything)
    #expect(!unsynced.isEverything)
  }

  @Test func `what a checkpoint did not sync comes back, beyond the limit as everything`() {
    var unsynced = UnsyncedQueueFiles(limit: 2)
    unsynced.insert(key(1), path: "/q/T/0/00")
    let failed = unsynced.take()
    #expect(unsynced.files.isEmpty)
    unsynced.insert(key(2), path: "/q/T/1/00")
    unsynced.formUnion(failed)
    #expect(unsynced.files.count == 2 && !unsynced.isEverything)
    unsynced.insert(key(3), path: "/q/T/2/00")
    var others = UnsyncedQueueFiles(limit: 2)
    others.formUnion(unsynced)
    #expect(others.isEverything)
  }

  @Test func `forgets a topic that was removed, and not another whose name begins alike`() {
    var unsynced = UnsyncedQueueFiles(limit: 10)
    unsynced.insert(directory: "/q/T/0", topic: "T", root: "/q")
    unsynced.insert(directory: "/q/T2/0", topic: "T2", root: "/q")
    unsynced.remove(directories: ["/q/T"])
    #expect(unsynced.directories == ["/q", "/q/T2", "/q/T2/0"])
  }
}
