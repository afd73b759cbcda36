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
      .init("#Topic", "topic"), .init("#Consumer Group", "consumerGroup"), .init("#Accumulation", "accumulation"),
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
    let topics = try await session.client.topics().topics
    session.begin(Self.table)
    for name in topics where !SystemTopics.isOfGroup(name) && (topic ?? name) == name {
      do throws(AdminError) {
        for flow in try await session.client.flows(of: name) where !activeOnly || flow.isActive {
          session.row(Self.table, Self.cells(flow))
        }
      } catch {
        // A topic that is going while it is looked at.
        session.warn("\(name): \(error)")
      }
    }
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

extension AdminClient {
  /// What goes through a topic, to each group that consumes it.
  func flows(of topic: String) async throws(AdminError) -> [TopicFlow] {
    let route = try await route(of: topic)
    let masters = route.brokers.compactMap(\.masterAddress)
    var flow = TopicFlow(topic: topic)
    for broker in masters {
      guard let data = try await statistics("TOPIC_PUT_NUMS", of: topic, at: broker) else { continue }
      flow.inRate += data.minute.perSecond
      flow.inDay = flow.inDay.clampedAdding(data.dayOrLess)
    }
    let groups = try await groups(consuming: topic, route)
    guard !groups.isEmpty else { return [flow] }
    var flows: [TopicFlow] = []
    for group in groups {
      flow.group = group
      (flow.outRate, flow.outDay) = (0, 0)
      for broker in masters {
        guard let data = try await statistics("GROUP_GET_NUMS", of: "\(topic)@\(group)", at: broker) else { continue }
        flow.outRate += data.minute.perSecond
        flow.outDay = flow.outDay.clampedAdding(data.dayOrLess)
      }
      flow.lag = try await lag(of: group, topic: topic)
      flows.append(flow)
    }
    return flows
  }

  /// How many messages of a topic lie before a group; 0 when it has no offsets yet.
  private func lag(of group: String, topic: String) async throws(AdminError) -> Int64 {
    do throws(AdminError) {
      return max(0, try await progress(of: group, topic: topic).lag)
    } catch {
      guard error.code == .consumerNotOnline || error.code == .topicNotExist else { throw error }
      return 0
    }
  }
}

extension BrokerStatsData {
  /// The sum over 24 hours, or while that is not known over the longest time that is.
  var dayOrLess: Int64 { [day.sum, hour.sum, minute.sum].first { $0 != 0 } ?? 0 }
}
