import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusAdmin
@testable import ApusClient

/// The administration tool and a cluster to use it on.
final class ToolUnderTest {
  /// What a run of the tool left behind.
  struct Run {
    var status: ApusCommandLine.ExitStatus
    /// What it printed as results.
    var output: String
    /// What it said on standard error.
    var notes: String

    /// The results with what differs from run to run replaced by characters of the same width: ports and times.
    var masked: String {
      output.replacing(/(127\.0\.0\.1):\d{5}/) { "\($0.1):#####" }
        .replacing(/\d{4}-\d\d-\d\d[ #]\d\d:\d\d:\d\d([,:])\d{3}/) { "YYYY-MM-DD HH:MM:SS\($0.1)mmm" }
        .replacing(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, with: "YYYY-MM-DD HH:MM:SS")
    }
    /// The lines of the masked results.
    var lines: [String] { masked.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    /// The JSON objects that were printed, one a line.
    var objects: [JSONValue] {
      get throws { try output.split(separator: "\n").map { try JSONParser.parse(String($0)) } }
    }
  }

  let cluster: Cluster
  /// A client that knows the cluster.
  let client: MessageClient

  init(_ names: [String] = ["fx-a"], _ entries: [(String, String)] = []) async throws {
    cluster = try Cluster(names, entries)
    client = try await cluster.client()
  }

  /// The address of a broker.
  func address(_ name: String = "fx-a") throws -> String { "127.0.0.1:\(try #require(cluster.members[name]).port)" }

  /// Runs the tool with the words of a line, quoted with `'` where they hold spaces, on this cluster.
  func run(_ line: String, answer: String? = nil, home: String? = nil) async -> Run {
    await Self.run(line + " -n \(cluster.nameServerAddress)", answer: answer, home: home)
  }

  /// Runs the tool and requires that it does what it is asked for.
  func output(_ line: String) async -> Run {
    let run = await run(line)
    #expect(run.status == .success, "\(line): \(run.notes)")
    // Brokers tell the name server of a new topic on their own time.
    let words = line.split(separator: " ")
    if words.first == "updateTopic", let index = words.firstIndex(of: "-t"), run.status == .success {
      _ = await eventually("topicRoute -t \(words[index + 1])")
    }
    return run
  }

  /// Runs the tool; `answer` is what somebody at the terminal answers, nil for nobody there.
  static func run(_ line: String, answer: String? = nil, home: String? = nil) async -> Run {
    let (output, notes) = (Locked(""), Locked(""))
    var words: [String] = []
    for (index, part) in line.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
      words += index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
    }
    let console = Console(
      write: { text in output.withLock { $0 += text } }, note: { text in notes.withLock { $0 += text } },
      ask: answer.map { answer in
        { @Sendable question in
          notes.withLock { $0 += question }
          return answer
        }
      })
    let status = await AdminTool.run(words, console, environment: { $0 == "ROCKETMQ_HOME" ? home : nil }) {
      $0.requestTimeout = Patience.limit
      $0.connectTimeout = Patience.limit
    }
    return Run(status: status, output: output.withLock { $0 }, notes: notes.withLock { $0 })
  }
}

extension ToolUnderTest {
  /// Where nobody listens.
  static let nobody = "127.0.0.1:1"

  /// Has the name server know a broker group, first by name, whose master nobody can reach, with some topics. It is
  /// known for as long as the client is there.
  func registerUnreachable(topics: [String]) async throws { try await registerFirst(at: Self.nobody, topics: topics) }

  /// Has the name server know a broker group, first by name, whose master, or another member, listens at an address,
  /// with some topics. It is known for as long as the client is there.
  func registerFirst(at address: String, number: Int64 = 0, topics: [String]) async throws {
    let content = RegisterBrokerBody(
      topics: TopicTable(
        version: DataVersion(timestamp: SystemClock.wall()), topics: topics.map { TopicConfig(name: $0) }))
    let registration = RegisterBroker.Request(
      brokerName: "fx-0", brokerAddress: address, clusterName: "TestCluster", haServerAddress: address,
      brokerID: number, body: content.bytes())
    _ = try await client.ask(registration, at: cluster.nameServerAddress)
  }

  /// Sends messages to a topic.
  func send(_ topic: String, count: Int) async throws {
    let producer = try client.producer(group: "PG")
    for number in 0..<count { try await producer.send(Message(topic: topic, text: "\(number)")) }
  }

  /// Sends messages and runs a consumer of a group that takes them; then, while it is still there and its offsets are
  /// committed, `body` is done with its client id.
  func consuming(
    _ topic: String, group: String, messages count: Int, _ body: (String) async throws -> Void
  ) async throws {
    let other = try await cluster.client { $0.persistConsumerOffsetInterval = .milliseconds(10) }
    let producer = try other.producer(group: "PG")
    for number in 0..<count { try await producer.send(Message(topic: topic, text: "\(number)")) }
    let seen = Locked(0)
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    let consumer = try other.pushConsumer(
      group: group, subscriptions: [Subscription(topic)], configuration,
      listener: .concurrent { messages in
        seen.withLock { $0 += messages.count }
        return .success
      })
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await other.run() }
      tasks.addTask { try await consumer.run() }
      // Consumed, committed, and told of by a heartbeat.
      try await until { seen.withLock { $0 } >= count }
      try await until {
        let progress = await run("consumerProgress -g \(group) --json").output
        return progress.contains("\"topic\":\"\(topic)\"") && progress.contains("\"consumerOffset\":\(count)")
      }
      try await body(other.clientID)
      tasks.cancelAll()
      try await tasks.waitForAll()
    }
  }

  /// Runs the tool until it does what it is asked for, as when what it looks for is still on its way into an index; or
  /// until the time of the test is over.
  func eventually(_ line: String) async -> Run {
    while true {
      let run = await run(line)
      if run.status == .success || Task.isCancelled { return run }
      await Task.yield()
    }
  }
}
