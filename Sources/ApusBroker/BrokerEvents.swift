import ApusBase
import ApusBrokerCore
import ApusSystem

/// What follows from changes of topics: the file is written, name servers are told, loops forget what is gone.
///
/// It exists before the parts that it tells, which join it when they are made.
final class BrokerEvents: TopicListener {
  private struct Targets {
    var registration: NameServerRegistration?
    var service: BrokerService?
  }

  /// How far `topics.json` is behind the topics.
  private struct Writing {
    /// Whether an I/O thread writes the file, or will.
    var isUnderWay = false
    /// Whether topics changed since it began to.
    var isStale = false
  }

  private let targets = Locked(Targets())
  private let writing = Locked(Writing())
  private let config: ConfigStore
  private let io: IOThreads
  private let log: Logger

  init(config: ConfigStore, io: IOThreads, log: Logger) {
    self.config = config
    self.io = io
    self.log = log
  }

  /// From now on these are told.
  func join(registration: NameServerRegistration, service: BrokerService) {
    targets.withLock { $0 = Targets(registration: registration, service: service) }
  }

  /// Nobody is told any more.
  func leave() { targets.withLock { $0 = Targets() } }

  func topicChanged(_ topic: Topic) {
    targets.withLock { $0.registration }?.topicsChanged()
    // One write is for all changes until it begins: a thousand topics made at once would have every I/O thread wait
    // for the file.
    let begins = writing.withLock { writing -> Bool in
      writing.isStale = true
      guard !writing.isUnderWay else { return false }
      writing.isUnderWay = true
      return true
    }
    guard begins, !io.submit({ [self] in writeTopics() }) else { return }
    // The queue is full: the housekeeper writes the file within seconds.
    writing.withLock { $0.isUnderWay = false }
  }

  /// Writes `topics.json` until it has the topics as they are.
  private func writeTopics() {
    while isStillStale() {
      do throws(DiskError) {
        try config.saveTopics()
      } catch {
        log.error("broker", "topics.json cannot be written", ["cause": error])
      }
    }
  }

  /// Whether the file has to be written; if not, the next change begins anew.
  private func isStillStale() -> Bool {
    writing.withLock { writing -> Bool in
      guard writing.isStale else {
        writing.isUnderWay = false
        return false
      }
      writing.isStale = false
      return true
    }
  }

  func allTopicsChanged() { targets.withLock { $0.registration }?.topicsChanged() }

  func topicDeleted(_ topic: Topic) { targets.withLock { $0.service }?.topicDeleted(topic.id) }
}
