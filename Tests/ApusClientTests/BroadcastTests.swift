import ApusModel
import ApusProtocol
import Foundation
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct BroadcastTests {
  private static var broadcasting: ConsumerConfiguration {
    var configuration = ConsumerConfiguration.fromStart
    configuration.messageModel = .broadcasting
    return configuration
  }

  /// A directory that is there while `body` runs.
  private static func withDirectory(_ body: (String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "apus-offsets-" + UUID().uuidString
    try await body(directory)
    try FileManager.default.removeItem(atPath: directory)
  }

  private static func client(
    _ cluster: Cluster, _ name: String, _ directory: String
  ) async throws -> MessageClient {
    try await cluster.client {
      $0.instanceName = name
      $0.clientIP = "127.0.0.1"
      $0.localOffsetDirectory = directory
    }
  }

  private static func consumer(_ client: MessageClient, _ seen: Seen) throws -> PushConsumer {
    try client.pushConsumer(
      group: "cgb", subscriptions: [Subscription("Broad")], broadcasting,
      listener: .concurrent { messages in
        seen.add(messages)
        return messages[0].text == "fails" ? .retry() : .success
      })
  }

  @Test func `every member gets everything, and goes on where its file says`() async throws {
    try await Self.withDirectory { directory in
      let cluster = try Cluster()
      let producer = try await cluster.client().producer(group: "pg")
      for number in 0..<12 { try await producer.send(Message(topic: "Broad", text: "\(number)")) }
      for name in ["one", "two"] {
        let client = try await Self.client(cluster, name, directory)
        let seen = Seen()
        let consumer = try Self.consumer(client, seen)
        try await running(client, [consumer]) {
          #expect(Set(await seen.first(12).map(\.text)) == Set((0..<12).map { "\($0)" }))
        }
      }
      // What fails does not come again.
      for text in ["fails", "12"] { try await producer.send(Message(topic: "Broad", text: text)) }
      let client = try await Self.client(cluster, "one", directory)
      let seen = Seen()
      let again = try Self.consumer(client, seen)
      try await running(client, [again]) { #expect(Set(await seen.first(2).map(\.text)) == ["fails", "12"]) }
      let path = "\(directory)/127.0.0.1@one/cgb/offsets.json"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let queues = try await producer.queues(of: "Broad")
      var expected: [String] = []
      for queue in queues.sorted() {
        let end = try await producer.runtime.maxOffset(of: queue)
        expected.append(
          "{\n\t\t\t\"brokerName\":\"fx-a\",\n\t\t\t\"queueId\":\(queue.queueID),\n\t\t\t"
            + "\"topic\":\"Broad\"\n\t\t}:\(end)"
        )
      }
      #expect(text == "{\n\t\"offsetTable\":{" + expected.joined(separator: ",") + "\n\t}\n}")
      #expect(FileManager.default.fileExists(atPath: path + ".bak"))
    }
  }

  @Test func `a damaged file gives way to its backup; without one nothing is consumed`() async throws {
    try await Self.withDirectory { directory in
      let cluster = try Cluster()
      let producer = try await cluster.client().producer(group: "pg")
      let queue = try await producer.send(Message(topic: "Broad", text: "old")).queue
      let path = "\(directory)/127.0.0.1@one/cgb/offsets.json"
      try FileManager.default.createDirectory(
        atPath: "\(directory)/127.0.0.1@one/cgb", withIntermediateDirectories: true)
      try Data("{\"offsetTable\":{{\"brokerN".utf8).write(to: URL(filePath: path))
      let backup = "{\"offsetTable\":{{\"brokerName\":\"fx-a\",\"queueId\":\(queue.queueID),\"topic\":\"Broad\"}:1,}}"
      try Data(backup.utf8).write(to: URL(filePath: path + ".bak"))
      try await producer.send(Message(topic: "Broad", text: "new"), to: queue)
      let client = try await Self.client(cluster, "one", directory)
      let seen = Seen()
      let consumer = try Self.consumer(client, seen)
      try await running(client, [consumer]) { #expect(await seen.first(1).map(\.text) == ["new"]) }

      for name in [path, path + ".bak"] {
        try Data("{\"offsetTable\":{\"x\":-1}}".utf8).write(to: URL(filePath: name))
      }
      let broken = try Self.consumer(try await Self.client(cluster, "one", directory), Seen())
      let error = await #expect(throws: ClientError.self) { try await broken.run() }
      #expect(error?.code == .system)
      #expect(error?.message.contains(path) == true)
    }
  }

  @Test func `a pull consumer can have everything too`() async throws {
    try await Self.withDirectory { directory in
      let cluster = try Cluster()
      let producer = try await cluster.client().producer(group: "pg")
      for number in 0..<5 { try await producer.send(Message(topic: "Broad", text: "\(number)")) }
      var configuration = PullConsumerConfiguration()
      configuration.start = .first
      configuration.messageModel = .broadcasting
      for name in ["one", "two"] {
        let client = try await Self.client(cluster, name, directory)
        let consumer = try client.pullConsumer(
          group: "cgb", subscriptions: [Subscription("Broad")], configuration)
        #expect(consumer.runningInfo.properties["messageModel"] == "BROADCASTING")
        try await running(client, [consumer]) {
          var found: Set<String> = []
          for await message in consumer.messages where found.insert(message.text).inserted && found.count == 5 { break }
          await consumer.commit()
        }
        #expect(FileManager.default.fileExists(atPath: "\(directory)/127.0.0.1@\(name)/cgb/offsets.json"))
      }
    }
  }
}
