import ApusBase
package import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
package import ApusStoreCore
package import ApusSystem

/// What sending and pulling share: the tables, the store and the threads around it. Each lock is taken alone and
/// briefly.
package final class BrokerParts: Sendable {
  /// Who the broker is.
  package let identity: BrokerIdentity
  /// The tables.
  package let tables: BrokerTables
  /// The messages.
  package let store: SharedStore
  /// The threads that do the store's slow work.
  package let threads: StoreThreads
  /// The index; nil when there is none.
  package let index: SharedIndex?
  /// The messages stored last, by which repetitions are recognised.
  package let duplicates: DuplicateSends
  /// The threads that may wait for the device.
  package let io: IOThreads
  /// Stores messages of the broker's own.
  package let messages: InternalMessages
  /// Hears of topics that are made.
  package let listener: any TopicListener
  /// The requests that were refused.
  package let refusals: RefusedRequests
  /// What is told of the timers.
  package let timers = TimerFigures()
  /// Where events are written.
  package let log: Logger
  /// Tells the log what is changed.
  package let changes: ChangeLog
  /// The delays of `messageDelayLevel`.
  package let delayLevels: DelayLevels

  /// The topics.
  package var topics: Locked<Topics> { tables.topics }
  /// The consumer groups.
  package var groups: Locked<SubscriptionGroups> { tables.groups }
  /// How far groups have consumed.
  package var offsets: Locked<ConsumerOffsets> { tables.offsets }
  /// Who is connected.
  package var clients: Locked<ClientTable> { tables.clients }

  /// Puts the parts together.
  package init(
    identity: BrokerIdentity, tables: BrokerTables, store: SharedStore, threads: StoreThreads, index: SharedIndex?,
    duplicates: DuplicateSends, io: IOThreads, listener: any TopicListener, log: Logger, delayLevels: DelayLevels
  ) {
    self.identity = identity
    self.tables = tables
    self.store = store
    self.threads = threads
    self.index = index
    self.duplicates = duplicates
    self.io = io
    self.listener = listener
    self.log = log
    changes = ChangeLog(log)
    self.delayLevels = delayLevels
    refusals = RefusedRequests(log: log)
    messages = InternalMessages(store: store, threads: threads, io: io)
  }

  /// Lets the I/O threads do something that a connection asks for, which holds this many bytes and is of no use later
  /// than `limit` from now. Throws how it is refused, with how long to wait; then it is not done.
  func handOver(
    from connection: ConnectionID, bytes: Int = 0, within limit: Duration, _ work: @escaping IOThreads.Work
  ) throws(Refusal) {
    let admission = io.submit(work, from: connection.rawValue, bytes: bytes, within: limit)
    guard case .refused(let wait) = admission else { return }
    throw Refusal(
      .systemBusy, "too many requests wait for the disk: try again in \(wait.milliseconds) ms", retryAfter: wait)
  }

  /// Loads the files of a queue, if it has any. Returns whether they could be read; why not stands in the log. Waits
  /// for the device.
  func loadQueue(topic: String, id: Int32) -> Bool {
    guard let failure = store.load(topic: topic, id: id) else { return true }
    log.error("store", "a queue cannot be loaded", ["topic": topic, "queue": id, "cause": failure])
    return false
  }

  /// A retry or dead-letter topic, made when it is missing; whoever registers topics hears of a change.
  func ensureTopic(_ name: String, queueCount: Int32, systemFlag: Int32 = 0) throws(Refusal) -> Topic {
    try TopicName.check(name)
    do throws(Topics.Missing) {
      let (before, topic) = try topics.withLock { (topics) throws(Topics.Missing) -> (Topic?, Topic) in
        let before = topics.find(name)
        let topic = try topics.ensure(
          name, queueCount: queueCount, systemFlag: systemFlag, now: SystemClock.wall())
        return (before, topic)
      }
      if before == nil { changes.topicMadeByUse(topic, by: "the broker") }
      if before !== topic { listener.topicChanged(topic) }
      return topic
    } catch {
      throw Refusal(.systemError, "topic[\(name)] not created: the broker has as many topics as topicLimit allows")
    }
  }

  /// A topic of the broker's own, made with one queue when it is missing.
  func ownTopic(_ name: String) throws(Refusal) -> Topic {
    if let known = topics.withLock({ $0.find(name) }) { return known }
    do throws(Topics.Missing) {
      let made = try topics.withLock { (topics) throws(Topics.Missing) in
        try topics.ensure(name, queueCount: 1, now: SystemClock.wall())
      }
      changes.topicMadeByUse(made, by: "the broker")
      listener.topicChanged(made)
      return made
    } catch {
      throw Refusal(.systemError, "the topic \(name) cannot be created: topicLimit is reached")
    }
  }
}
