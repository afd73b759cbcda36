import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `exportMetrics`: what the brokers of a cluster hold and move, as a JSON file.
struct ExportMetricsCommand: AdminCommand {
  static let description = admin(
    "exportMetrics", "Write what a cluster's brokers hold and move to a file.",
    options: [
      Option("clusterName", "c", value: "CLUSTER", required: true, help: "The cluster."), ExportFile.option,
    ])

  /// Messages a second and of a day: ordinary ones in and out, half messages and delayed ones in.
  private struct Flow {
    var rates: [Double] = [0, 0, 0, 0]
    var counts: [Int64] = [0, 0, 0, 0]

    private static let rateNames = ["normalInTps", "normalOutTps", "transInTps", "scheduleInTps"]
    private static let countNames = [
      "normalOneDayInNum", "normalOneDayOutNum", "transOneDayInNum", "scheduleOneDayInNum",
    ]

    mutating func add(_ other: Flow) {
      for index in rates.indices {
        rates[index] += other.rates[index]
        counts[index] = counts[index].clampedAdding(other.counts[index])
      }
    }

    /// As Java writes them. Where all brokers are taken together, only the names of rates say so.
    func json(isTotal: Bool) -> (rates: JSONValue, counts: JSONValue) {
      func name(_ text: String) -> String {
        isTotal ? "total" + text.prefix(1).uppercased() + text.dropFirst() : text
      }
      return (
        .object(zip(Self.rateNames, rates).map { JSONMember(name($0), .number($1)) }),
        .object(zip(Self.countNames, counts).map { JSONMember($0, .integer($1)) })
      )
    }
  }

  private let cluster: String
  private let file: ExportFile

  init(_ arguments: Arguments) throws(CommandFailure) {
    cluster = try arguments.required("clusterName")
    file = ExportFile(arguments)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    var total = Flow()
    let (report, failure) = try await session.gather(fromMastersOf: cluster) {
      group, master throws(AdminError) -> JSONMember in
      let info = try await session.client.runtimeInfo(of: master)
      let flow = try await flow(info, at: master, session)
      let member = JSONMember(group.brokerName, try await broker(master, info, flow, session))
      total.add(flow)
      return member
    }
    let totals = total.json(isTotal: true)
    try file.write(
      .fields([
        "evaluateReport": .object(report),
        "totalData": .fields(["totalOneDayNum": totals.counts, "totalTps": totals.rates]),
      ]), name: "metrics.json", failure: failure, session)
  }

  private func flow(
    _ info: KVTable, at broker: String, _ session: AdminSession
  ) async throws(AdminError) -> Flow {
    func day(_ kind: String) -> Int64 {
      let marks = ["TodayMorning", "YesterdayMorning"].map { info["msg\(kind)Total\($0)"].flatMap { Int64($0) } ?? 0 }
      return marks[0].clampedSubtracting(marks[1])
    }
    let half = try await session.client.statistics("TOPIC_PUT_NUMS", of: SystemTopics.halfMessages, at: broker)
    let delayed = try await session.client.statistics("TOPIC_PUT_NUMS", of: SystemTopics.schedule, at: broker)
    return Flow(
      rates: [
        info.firstNumber("putTps"), info.firstNumber("getTransferedTps"), half?.minute.perSecond ?? 0,
        delayed?.minute.perSecond ?? 0,
      ], counts: [day("Put"), day("Get"), half?.dayOrLess ?? 0, delayed?.dayOrLess ?? 0])
  }

  private func broker(
    _ address: String, _ info: KVTable, _ flow: Flow, _ session: AdminSession
  ) async throws(AdminError) -> JSONValue {
    let settings = try await session.client.settings(ofBroker: address)
    let groups = try await session.client.userGroups(at: address).groups
    let topics = try await session.client.userTopics(at: address, withGroupTopics: false).topics
    let flows = flow.json(isTotal: false)
    return .fields([
      "runtimeEnv": .fields([
        "cpuNum": .text(settings["clientCallbackExecutorThreads"]), "totalMemKBytes": .text(info["totalMemKBytes"]),
      ]),
      "runtimeQuota": .fields([
        "diskRatio": .fields([
          "commitLogDiskRatio": .text(info["commitLogDiskRatio"]),
          "consumeQueueDiskRatio": .text(info["consumeQueueDiskRatio"]),
        ]), "groupSize": .integer(Int64(groups.count)), "messageAverageSize": .text(info["putMessageAverageSize"]),
        "oneDayNum": flows.counts, "topicSize": .integer(Int64(topics.count)), "tps": flows.rates,
      ]),
      "runtimeVersion": .fields([
        "clientInfo": .array(await clients(of: groups.map(\.name), session).map { .string($0) }),
        "rocketmqVersion": .string(VersionName.name(of: CommandHeader.ownVersion)),
      ]),
    ])
  }

  /// The languages and versions of the consumers; groups that nobody is in have none. So have those without a retry
  /// topic, which the first member has made: to ask all brokers which groups they know, as for one group, would be to
  /// ask each of them once for each group.
  private func clients(of groups: [String], _ session: AdminSession) async -> [String] {
    var found: Set<String> = []
    for group in groups {
      do throws(AdminError) {
        let brokers = try await session.client.route(of: SystemTopics.retryTopic(of: group)).brokers
        let members = try await session.client.firstAnswer(of: brokers) { address throws(AdminError) in
          try await session.client.consumers(of: group, at: address)
        }
        for member in members?.connections ?? [] {
          found.insert("\(member.language)%\(VersionName.name(of: member.version))")
        }
      } catch {
        let isAbsent = error.code == .consumerNotOnline || error.code == .topicNotExist
        if !isAbsent { session.warn("\(group): \(error)") }
      }
    }
    return found.sorted()
  }
}
