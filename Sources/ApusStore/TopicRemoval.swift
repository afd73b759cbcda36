package import ApusBase
import ApusStoreCore

/// The files of a topic's queues, which the store has let go of.
package struct TopicRemoval: Sendable {
  let topic: String
  /// Removed with everything in them.
  let directories: [String]
  /// Where they stand.
  let roots: [String]

  /// Removes them. Blocks.
  package func run(on disk: any Disk) throws(DiskError) {
    for path in directories { try disk.removeDirectory(path) }
    for path in roots { try disk.syncDirectory(path) }
  }
}

extension MessageStore {
  /// Removes a topic's queues. Their messages stay in the log. Queues of the same name that come meanwhile get no files
  /// until ``finish(_:)`` is told that the plan was run; it is to be run when no batch of entries is being written any
  /// more (``isWritingQueues``), as that could bring files back.
  package func removeQueues(ofTopic topic: String) -> TopicRemoval? {
    guard let removed = queues.removeTopic(topic) else { return nil }
    let numbers = Set(removed.map(\.number))
    dirtyQueues.removeAll { numbers.contains($0.number) }
    roundLeft = 0
    for queue in removed {
      queue.isRemoved = true
      tailBytes -= queue.countedBytes
    }
    for number in numbers where number < numbered.count { numbered[number] = nil }
    queueFiles.remove { numbers.contains($0.queue) }
    unsyncedQueueFiles.remove { numbers.contains($0.queue) }
    let roots = [settings.queueDirectory] + (hasExtensions ? [settings.extensionDirectory] : [])
    let directories = roots.map { $0 + "/" + topic }
    unsyncedQueueFiles.remove(directories: directories)
    topicsUnderRemoval.append(topic)
    return TopicRemoval(topic: topic, directories: directories, roots: roots)
  }

  /// The removal of a topic's queues was run, whatever came of it.
  package func finish(_ removal: TopicRemoval) {
    guard let index = topicsUnderRemoval.firstIndex(of: removal.topic) else { return }
    topicsUnderRemoval.remove(at: index)
  }
}
