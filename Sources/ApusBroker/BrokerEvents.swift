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
  private let commit: ConfigCommit

  init(commit: ConfigCommit) { self.commit = commit }

  /// From now on these are told.
  func join(registration: NameServerRegistration, service: BrokerService) {
    targets.withLock { $0 = Targets(registration: registration, service: service) }
  }

  /// Nobody is told any more.
  func leave() { targets.withLock { $0 = Targets() } }

  func topicChanged(_ topic: Topic) {
    targets.withLock { $0.registration }?.topicsChanged()
    commit.save(.topics)
  }

  func topicSaved(_ topic: Topic) { targets.withLock { $0.registration }?.topicsChanged() }

  func allTopicsChanged() { targets.withLock { $0.registration }?.topicsChanged() }

  func topicDeleted(_ topic: Topic) { targets.withLock { $0.service }?.topicDeleted(topic.id) }
}
