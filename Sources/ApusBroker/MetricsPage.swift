package import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
package import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// The page that Prometheus scrapes: names and labels of RocketMQ 5's broker where it has them, `apus_…` for the rest.
///
/// Topics and groups are clients' to make, so the page shows the first ``seriesLimit`` of each kind and says how many
/// it leaves out.
///
/// Source of the names: apache/rocketmq@rocketmq-all-5.3.0:broker/src/main/java/org/apache/rocketmq/broker/metrics/BrokerMetricsConstant.java
/// and store/src/main/java/org/apache/rocketmq/store/metrics/DefaultStoreMetricsConstant.java
package final class MetricsPage: Sendable {
  /// Series of one metric that stand for topics, groups or pairs of them.
  package static let seriesLimit = 1000

  private let parts: BrokerParts
  private let messages: any StoredMessages
  private let service: BrokerService
  private let transactions: Transactions
  private let registration: NameServerRegistration
  private let booted: WallTime

  /// Takes its parts; `booted` is when the broker started.
  package init(
    parts: BrokerParts, messages: any StoredMessages, service: BrokerService, transactions: Transactions,
    registration: NameServerRegistration, booted: WallTime
  ) {
    self.transactions = transactions
    self.registration = registration
    self.parts = parts
    self.messages = messages
    self.service = service
    self.booted = booted
  }

  /// The page as it is now. May wait for the device and the loops. `server` is whose connections and budgets are told,
  /// `version` the program's; what is nil is left out.
  package func render(_ server: RemotingServer?, version: String? = nil) -> [UInt8] {
    var text = MetricsText(common: [
      ("cluster", parts.identity.cluster), ("node_type", "broker"), ("node_id", parts.identity.name),
    ])
    service.collectTraffic()
    let statistics = parts.tables.statistics.withLock { $0 }
    // A copy, so that no table is searched or sorted while a loop waits for its lock.
    let topics = parts.topics.withLock { $0 }
    if let version {
      text.metric("apus_build_info", .gauge, "Always 1; the label says which version runs.")
      text.series(1, [("version", version)])
    }
    writeBroker(&text, topicCount: topics.count)
    let numbered = Dictionary(topics.all.map { ($0.id, $0) }) { first, _ in first }
    let topicsLeftOut = writeTopics(&text, statistics, numbered)
    let groupsLeftOut = writeGroups(&text, statistics, numbered)
    let lagsLeftOut = writeLags(&text, topics.all)
    let clientsLeftOut = writeClients(&text)
    writeTraffic(&text, statistics)
    writeRefusals(&text)
    writeStore(&text)
    writeFlushes(&text)
    writeTimers(&text)
    writeDelays(&text)
    writeTransactions(&text)
    if let server { writeConnections(&text, server) }
    writeProcess(&text)
    text.metric("apus_series_left_out", .gauge, "Series that this page leaves out because there are too many.")
    text.series(topicsLeftOut, [("of", "topics")])
    text.series(groupsLeftOut, [("of", "groups")])
    text.series(lagsLeftOut, [("of", "lags")])
    text.series(clientsLeftOut, [("of", "clients")])
    return text.bytes
  }

  private func writeBroker(_ text: inout MetricsText, topicCount: Int) {
    let permission = parts.tables.settings.withLock { $0.serving.permission }
    text.single(
      "rocketmq_broker_permission", .gauge, Int64(permission.rawValue), "What clients may do: 4 read, 2 write, 6 both.")
    text.single("rocketmq_topic_number", .gauge, Int64(topicCount), "Topics, those of the system included.")
    text.single(
      "rocketmq_consumer_group_number", .gauge, Int64(parts.groups.withLock { $0.count }), "Consumer groups.")
    let nameServers = registration.counts
    text.single(
      "apus_name_servers", .gauge, Int64(nameServers.configured), "Name servers that the broker is to register with.")
    text.single(
      "apus_name_servers_registered", .gauge, Int64(nameServers.registered), "Those that know the broker.")
  }

  // MARK: Messages

  private func writeTopics(
    _ text: inout MetricsText, _ statistics: BrokerStats, _ topics: [Int32: Topic]
  ) -> Int64 {
    let all = statistics.topicsStoredTo
    let shown = all.prefix(Self.seriesLimit)
    text.metric("rocketmq_messages_in_total", .counter, "Messages stored, by topic.")
    for id in shown {
      guard let topic = topics[id], let series = statistics.series(.topicPutMessages(topic: id)) else { continue }
      text.series(series.value, [("topic", topic.name)])
    }
    text.metric("rocketmq_throughput_in_total", .counter, "Bytes stored, by topic.")
    for id in shown {
      guard let topic = topics[id], let series = statistics.series(.topicPutBytes(topic: id)) else { continue }
      text.series(series.value, [("topic", topic.name)])
    }
    return Int64(all.count - shown.count)
  }

  private func writeGroups(
    _ text: inout MetricsText, _ statistics: BrokerStats, _ topics: [Int32: Topic]
  ) -> Int64 {
    let all = statistics.groupsDeliveredTo
    let shown = all.prefix(Self.seriesLimit)
    text.metric("rocketmq_messages_out_total", .counter, "Messages given to consumers, by topic and group.")
    for (id, group) in shown {
      guard let topic = topics[id], let series = statistics.series(.groupGetMessages(topic: id, group: group))
      else { continue }
      text.series(series.value, [("topic", topic.name), ("consumer_group", group)])
    }
    text.metric("rocketmq_throughput_out_total", .counter, "Bytes given to consumers, by topic and group.")
    for (id, group) in shown {
      guard let topic = topics[id], let series = statistics.series(.groupGetBytes(topic: id, group: group))
      else { continue }
      text.series(series.value, [("topic", topic.name), ("consumer_group", group)])
    }
    return Int64(all.count - shown.count)
  }

  /// How far groups are behind, over the queues in which they committed an offset.
  private func writeLags(_ text: inout MetricsText, _ topics: [Topic]) -> Int64 {
    let offsets = parts.offsets.withLock { $0 }
    var pairs = 0
    text.metric(
      "rocketmq_consumer_lag_messages", .gauge, "Messages stored after a group's offsets, by topic and group.")
    for topic in topics where pairs < Self.seriesLimit {
      let groups = offsets.groups(ofTopic: topic.name)
      let ends = groups.isEmpty ? [:] : ends(of: topic)
      for group in groups.prefix(Self.seriesLimit - pairs) {
        var lag: Int64 = 0
        for (queue, offset) in offsets.offsets(topic: topic.name, group: group) {
          guard let end = ends[queue], end > offset else { continue }
          lag += end - offset
        }
        text.series(lag, [("topic", topic.name), ("consumer_group", group)])
        pairs += 1
      }
    }
    return Int64(max(offsets.pairCount - pairs, 0))
  }

  private func ends(of topic: Topic) -> [Int32: Int64] {
    var ends: [Int32: Int64] = [:]
    for queue in 0..<max(topic.queueCount, 0) {
      ends[queue] = bounds(of: topic.name, queue: queue)?.max.rawValue
    }
    return ends
  }

  private func writeTraffic(_ text: inout MetricsText, _ statistics: BrokerStats) {
    let totals = statistics.totals
    text.single("apus_send_failures_total", .counter, totals.putFailures, "Sends that were refused or failed.")
    text.single("apus_pulls_found_total", .counter, totals.pullsFound, "Pulls that gave messages.")
    text.single("apus_pulls_missed_total", .counter, totals.pullsMissed, "Pulls that found nothing.")
    text.single(
      "apus_parked_pulls", .gauge, Int64(service.loops.reduce(0) { $0 + $1.parkedCount.load(ordering: .relaxed) }),
      "Pulls that wait for messages.")
    let io = parts.io.figures
    text.single("apus_io_waiting", .gauge, Int64(io.waiting), "Requests and reads that wait for an I/O thread.")
    text.single(
      "apus_io_refused_total", .counter, io.refused, "Requests refused because too much waited for the I/O threads.")
    guard let times = statistics.putTimes else { return }
    text.metric("apus_put_seconds", .gauge, "Within which time a share of the last minute's messages was stored.")
    for (label, share) in [("0.5", 0.5), ("0.99", 0.99), ("0.999", 0.999)] {
      text.series(billionths: times.nanoseconds(within: share), [("quantile", label)])
    }
  }

  /// Bounded by what there is: a series for each pair of codes that occurred, unknown request codes as one.
  private func writeRefusals(_ text: inout MetricsText) {
    text.metric(
      "apus_requests_refused_total", .counter,
      "Requests that were refused, by request and response code; answers of ordinary work are left out.")
    for (kind, count) in parts.refusals.totals {
      text.series(
        count, [("request_code", kind.requestText), ("response_code", "\(kind.response.rawValue)")])
    }
  }

  // MARK: Clients

  private struct Peer: Hashable, Comparable {
    var group: String
    var language: UInt8
    var version: Int32

    static func < (left: Peer, right: Peer) -> Bool {
      (left.group, left.language, left.version) < (right.group, right.language, right.version)
    }

    var labels: [MetricsText.Label] {
      [("language", "\(Language(rawValue: language))"), ("version", "\(version)")]
    }
  }

  private func writeClients(_ text: inout MetricsText) -> Int64 {
    let clients = parts.clients.withLock { Array($0.all) }
    var producers: [Peer: Int64] = [:]
    var consumers: [Peer: Int64] = [:]
    for client in clients {
      var peer = Peer(group: "", language: client.language.rawValue, version: client.version)
      if !client.producerGroups.isEmpty { producers[peer, default: 0] += 1 }
      for group in client.consumerGroups {
        peer.group = group.text
        consumers[peer, default: 0] += 1
      }
    }
    let shownProducers = producers.sorted { $0.key < $1.key }.prefix(Self.seriesLimit)
    text.metric("rocketmq_producer_connections", .gauge, "Producers connected, by language and version.")
    for (peer, count) in shownProducers { text.series(count, peer.labels) }
    let shownConsumers = consumers.sorted { $0.key < $1.key }.prefix(Self.seriesLimit)
    text.metric("rocketmq_consumer_connections", .gauge, "Consumers connected, by group, language and version.")
    for (peer, count) in shownConsumers { text.series(count, [("consumer_group", peer.group)] + peer.labels) }
    return Int64(producers.count - shownProducers.count + consumers.count - shownConsumers.count)
  }

  private func writeConnections(_ text: inout MetricsText, _ server: RemotingServer) {
    text.single("apus_connections", .gauge, Int64(server.connectionCount), "Connections to the remoting ports.")
    text.single("apus_inbound_bytes", .gauge, Int64(server.inboundBytes), "Bytes of unfinished requests held.")
    text.single("apus_outbound_bytes", .gauge, Int64(server.outboundBytes), "Bytes of answers not fetched yet.")
    text.single(
      "apus_inbound_budget_bytes", .gauge, parts.tables.settings.withLock { $0.process.inboundBytes },
      "How many bytes of unfinished requests may be held.")
  }

  // MARK: Store and process

  private func writeStore(_ text: inout MetricsText) {
    let store = messages.summary()
    let place = [("storage_type", "local"), ("storage_medium", "disk")]
    if let space = store.fullerSpace {
      text.metric("rocketmq_storage_size", .gauge, "Bytes in use on the fuller device of log and queues.")
      text.series(space.used, place)
    }
    text.metric("rocketmq_storage_flush_behind_bytes", .gauge, "Bytes of the log that are not on the device yet.")
    text.series(store.unflushedBytes, place)
    text.metric("rocketmq_storage_dispatch_behind_bytes", .gauge, "Bytes of the log not in the queues yet.")
    text.series(store.undispatchedBytes, place)
    if let earliest = store.earliest {
      text.metric("rocketmq_storage_message_reserve_time", .gauge, "Age of the oldest message in milliseconds.")
      text.series(max(SystemClock.wall().milliseconds - earliest.milliseconds, 0), place)
    }
    text.metric("apus_duplicates_answered_total", .counter, "Repeated sends answered and not stored again.")
    text.series(parts.duplicates.answered.load(ordering: .relaxed), place)
    text.single(
      "apus_sends_remembered", .gauge, Int64(parts.duplicates.count), "Sends whose repetition would be recognised.")
    text.single("apus_log_begin_bytes", .gauge, store.minOffset, "Offset of the log's first byte that is still there.")
    text.single("apus_log_end_bytes", .gauge, store.maxOffset, "Offset one past the log's last byte.")
    text.single(
      "apus_device_bytes", .gauge, store.fullerSpace?.usable ?? 0,
      "Capacity of the fuller device of log and queues, without what is reserved for root.")
    text.single(
      "apus_store_accepts", .gauge, parts.store.withLock { $0.refusal == nil } ? 1 : 0,
      "Whether messages are accepted: 1 yes, 0 no.")
    writeDamage(&text)
  }

  private func writeFlushes(_ text: inout MetricsText) {
    let flushes = parts.threads.flushes
    text.single("apus_flushes_total", .counter, flushes.count, "Flushes of the log to the device.")
    text.metric("apus_flush_seconds_total", .counter, "How long they took together.")
    text.series(billionths: flushes.total.nanoseconds)
    text.metric(
      "apus_flush_running_seconds", .gauge, "How long the flush that is under way has taken so far; 0 when none is.")
    text.series(billionths: flushes.running(now: SystemClock.monotonic()).nanoseconds)
  }

  private func writeDamage(_ text: inout MetricsText) {
    let (damage, rounds) = parts.store.withLock { ($0.damage, $0.scrubRounds) }
    text.single(
      "apus_store_damaged_ranges", .gauge, Int64(damage.count), "Parts of the log that are known to be damaged.")
    text.single("apus_store_damaged_bytes", .gauge, Int64(damage.bytes), "Bytes of the log known to be damaged.")
    text.single(
      "apus_store_scrub_rounds_total", .counter, Int64(rounds), "How often all old log files were looked through.")
  }

  /// Messages with a time of delivery of their own. RocketMQ's rocketmq_timing_messages has a topic; timers here do not
  /// know theirs until they are due.
  private func writeTimers(_ text: inout MetricsText) {
    let timers = parts.timers
    let end = bounds(of: SystemTopics.timer, queue: 0)?.max.rawValue ?? 0
    text.single(
      "rocketmq_timing_messages", .gauge, Int64(timers.pending.load(ordering: .relaxed)), "Messages that wait.")
    text.single(
      "rocketmq_timer_enqueue_lag", .gauge, max(end - timers.position.load(ordering: .relaxed), 0),
      "Messages stored to wait that are not taken in yet.")
    text.single(
      "rocketmq_timer_enqueue_total", .counter, timers.enqueued.load(ordering: .relaxed), "Messages taken in.")
    text.single(
      "rocketmq_timer_dequeue_total", .counter, timers.dequeued.load(ordering: .relaxed), "Messages delivered.")
    text.single(
      "rocketmq_timer_dequeue_latency", .gauge, timers.lateness.load(ordering: .relaxed),
      "By how many milliseconds the last one was late.")
    text.single(
      "apus_timer_cancelled_total", .counter, timers.cancelled.load(ordering: .relaxed), "Messages cancelled.")
  }

  /// Messages of the delay levels, of which there are as many as `messageDelayLevel` has.
  private func writeDelays(_ text: inout MetricsText) {
    text.metric("apus_delayed_messages", .gauge, "Messages that wait, by delay level.")
    let delivered = parts.tables.delays.withLock { $0 }.levels
    for level in stride(from: 1, through: parts.delayLevels.clamped(.max), by: 1) {
      let bounds = bounds(of: SystemTopics.schedule, queue: Int32(level - 1))
      // Of a level that nothing was delivered of everything waits.
      let next = delivered[level] ?? bounds?.min ?? .zero
      text.series(max((bounds?.max ?? .zero).rawValue - next.rawValue, 0), [("level", "\(level)")])
    }
  }

  private func writeTransactions(_ text: inout MetricsText) {
    let end = bounds(of: SystemTopics.halfMessages, queue: 0)?.max.rawValue ?? 0
    text.single(
      "apus_half_messages", .gauge, transactions.halves.withLock { $0.openCount(before: end) },
      "Half messages that are neither committed nor rolled back.")
  }

  /// Where a queue begins and ends; nil when there is none, and when it cannot be read, which the log tells.
  private func bounds(of topic: String, queue: Int32) -> QueueBounds? {
    do throws(DiskError) {
      return try messages.bounds(topic: topic, queue: queue)
    } catch {
      parts.log.warning("metrics", "a queue cannot be read", ["topic": topic, "queue": queue, "cause": error])
      return nil
    }
  }

  private func writeProcess(_ text: inout MetricsText) {
    text.metric("process_start_time_seconds", .gauge, "When the broker started, in seconds since 1970.")
    text.series(booted.milliseconds / 1000)
    guard let figures = ProcessFigures() else { return }
    text.metric("process_cpu_seconds_total", .counter, "Processor time in user and kernel mode.")
    text.series(billionths: figures.cpuNanoseconds)
    text.single(
      "process_resident_memory_bytes", .gauge, figures.residentBytes, "Resident memory, mapped files included.")
    text.single("process_threads", .gauge, figures.threads, "Threads.")
    if let bytes = figures.virtualBytes {
      text.single("process_virtual_memory_bytes", .gauge, bytes, "Address space, mapped files included.")
    }
    if let bytes = figures.anonymousBytes {
      text.single("apus_anonymous_memory_bytes", .gauge, bytes, "Resident memory without mapped files: what it needs.")
    }
    if let count = figures.openDescriptors {
      text.single("process_open_fds", .gauge, count, "Open descriptors.")
    }
    do throws(SystemError) {
      let limit = try DescriptorLimit.current().soft
      text.single("process_max_fds", .gauge, Int64(clamping: limit), "How many descriptors may be open.")
    } catch {
      // Not known, which the page says by leaving it out.
    }
  }
}
