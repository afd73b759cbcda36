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

  private let targets = Locked(Targets())
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
    // When the queue is full the housekeeper writes the file within seconds.
    _ = io.submit { [config, log] in
      do throws(DiskError) {
        try config.saveTopics()
      } catch {
        log.error("broker", "topics.json cannot be written", ["cause": error])
      }
    }
  }

  func allTopicsChanged() { targets.withLock { $0.registration }?.topicsChanged() }

  func topicDeleted(_ topic: Topic) { targets.withLock { $0.service }?.topicDeleted(topic.id) }
}
