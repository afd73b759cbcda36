import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `statsAll`: what goes into each topic, out to each group, and what lies between.
struct StatsAllCommand: AdminCommand {
  static let description = admin(
    "statsAll", "Show rates and lags of all topics and groups.",
    options: [
      Option("activeTopic", "a", help: "Only topics with messages of the last 24 hours."),
      Option("topic", "t", value: "TOPIC", help: "Only this topic."),
    ])

  static let table = Table(
    "%-64.64s  %-64.64s %12s %11s %11s %14s %14s",
    [
      .init("#Topic", "topic"), .init("#Consumer Group", "group"), .init("#Accumulation", "lag"),
      .init("#InTPS", "inTps"), .init("#OutTPS", "outTps"), .init("#InMsg24Hour", "inMsg24Hour"),
      .init("#OutMsg24Hour", "outMsg24Hour"),
    ])

  private let activeOnly: Bool
  private let topic: String?

  init(_ arguments: Arguments) {
    activeOnly = arguments.has("activeTopic")
    topic = arguments.trimmed("topic")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let topics = try await session.client.topics().topics.filter {
      !SystemTopics.isOfGroup($0) && (topic ?? $0) == $0
    }
    if let topic, topics.isEmpty {
      throw AdminError("no broker has registered the topic '\(topic)', or it is one of retries or dead letters")
    }
    session.begin(Self.table)
    var incomplete: [String] = []
    for name in topics {
      do throws(AdminError) {
        let (flows, isComplete) = try await session.flows(of: name)
        for flow in flows where !activeOnly || flow.isActive { session.row(Self.table, Self.cells(flow)) }
        if !isComplete { incomplete.append(name) }
      } catch {
        // A server that refuses does so as the topic is going while it is looked at.
        session.warn("\(name): \(error)")
        if error.code == nil { incomplete.append(name) }
      }
    }
    if !incomplete.isEmpty { throw AdminError(incomplete: incomplete) }
  }

  /// The row of a topic and a group.
  static func cells(_ flow: TopicFlow) -> [Cell] {
    guard let group = flow.group else {
      return [
        .text(flow.topic), "", Cell(0), .decimal(flow.inRate, digits: 2), .value(.null, shown: ""),
        Cell(flow.inDay), .value(.null, shown: "NO_CONSUMER"),
      ]
    }
    return [
      .text(flow.topic), .text(group), Cell(flow.lag), .decimal(flow.inRate, digits: 2),
      .decimal(flow.outRate, digits: 2), Cell(flow.inDay), Cell(flow.outDay),
    ]
  }
}

/// What goes through a topic to one group, or into one without groups.
struct TopicFlow: Hashable, Sendable {
  /// The topic.
  var topic: String
  /// The group; nil when none consumes the topic.
  var group: String?
  /// Messages that lie before the group.
  var lag: Int64 = 0
  /// Messages a second that go in.
  var inRate = 0.0
  /// Messages a second that the group takes.
  var outRate = 0.0
  /// Messages that went in within 24 hours.
  var inDay: Int64 = 0
  /// Messages that the group took within 24 hours.
  var outDay: Int64 = 0

  /// Whether anything moved within 24 hours.
  var isActive: Bool { inDay > 0 || outDay > 0 }
}

extension AdminSession {
  /// What goes through a topic, to each group that consumes it. Brokers that fail are named on standard error and left
  /// out; then it is not complete.
  func flows(of topic: String) async throws(AdminError) -> (flows: [TopicFlow], isComplete: Bool) {
    let route = try await client.route(of: topic)
    // Those that answered; the others are not waited for again for each group.
    var masters: [String] = []
    let (puts, failure) = await gather(from: route.brokers.compactMap(\.masterAddress)) {
      master throws(AdminError) -> BrokerStatsData? in
      let data = try await client.statistics("TOPIC_PUT_NUMS", of: topic, at: master)
      masters.append(master)
      return data
    }
    var flow = TopicFlow(topic: topic)
    for case let data? in puts {
      flow.inRate += data.minute.perSecond
      flow.inDay = flow.inDay.clampedAdding(data.dayOrLess)
    }
    var isComplete = failure == nil
    let groups = try await client.groups(consuming: topic, route)
    guard !groups.isEmpty else { return ([flow], isComplete) }
    var flows: [TopicFlow] = []
    for group in groups {
      flow.group = group
      (flow.outRate, flow.outDay) = (0, 0)
      for broker in masters {
        guard let data = try await client.statistics("GROUP_GET_NUMS", of: "\(topic)@\(group)", at: broker) else {
          continue
        }
        flow.outRate += data.minute.perSecond
        flow.outDay = flow.outDay.clampedAdding(data.dayOrLess)
      }
      let (behind, isWhole) = try await lag(of: group, topic: topic)
      flow.lag = behind
      if !isWhole { isComplete = false }
      flows.append(flow)
    }
    return (flows, isComplete)
  }

  /// How many messages of a topic lie before a group, and whether all brokers said so; 0 when it has no offsets yet.
  private func lag(of group: String, topic: String) async throws(AdminError) -> (lag: Int64, isComplete: Bool) {
    do throws(AdminError) {
      let (stats, failure) = try await progress(of: group, topic: topic)
      return (max(0, stats.lag), failure == nil)
    } catch {
      guard error.code == .consumerNotOnline || error.code == .topicNotExist else { throw error }
      return (0, true)
    }
  }
}

extension BrokerStatsData {
  /// The sum over 24 hours, or while that is not known over the longest time that is.
  var dayOrLess: Int64 { [day.sum, hour.sum, minute.sum].first { $0 != 0 } ?? 0 }
}
