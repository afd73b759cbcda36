import ApusModel
import Foundation
import Testing

@testable import ApusClient

/// Clients of brokers that control access.
@Suite(.timeLimit(.minutes(10))) struct AccessTests {
  private static let rules = """
    accounts:
    - accessKey: fxuser01
      secretKey: usersecret1
      defaultTopicPerm: DENY
      defaultGroupPerm: DENY
      topicPerms:
      - FxAcl=PUB|SUB
      groupPerms:
      - cg=SUB
    """

  private static let user = ClientCredentials(accessKey: "fxuser01", secretKey: "usersecret1")

  /// A cluster whose broker knows one account.
  private static func withCluster(_ body: (Cluster) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "apus-client-acl-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try Data(rules.utf8).write(to: URL(filePath: directory + "/plain_acl.yml"))
    try await body(Cluster(["fx-a"], [("aclEnable", "true"), ("aclConfigDir", directory)]))
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test(arguments: [ClientConfiguration.HeaderFormat.json, .binary])
  func `a signed client sends, receives and commits`(format: ClientConfiguration.HeaderFormat) async throws {
    try await Self.withCluster { cluster in
      let client = try await cluster.client {
        $0.credentials = Self.user
        $0.headerFormat = format
        $0.marksStreamRequests = true
      }
      #expect(client.clientID.hasSuffix("@STREAM"))
      let producer = try client.producer(group: "pg")
      let receipt = try await producer.send(Message(topic: "FxAcl", text: "signed", keys: ["k"]))
      var settings = PullConsumerConfiguration()
      settings.start = .first
      let consumer = try client.pullConsumer(group: "cg", subscriptions: [Subscription("FxAcl")], settings)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        group.addTask { try await consumer.run() }
        var found: [ReceivedMessage] = []
        try await until {
          found = await consumer.poll() ?? []
          return !found.isEmpty
        }
        #expect(found.map(\.text) == ["signed"])
        await consumer.commit()
        #expect(try await consumer.committed(receipt.queue) == 1)
        group.cancelAll()
        try await group.waitForAll()
      }
    }
  }

  @Test(arguments: [
    nil, ClientCredentials(accessKey: "fxuser01", secretKey: "guessed-secret"),
    ClientCredentials(accessKey: "stranger", secretKey: "usersecret1"),
    ClientCredentials(accessKey: "fxuser01", secretKey: "usersecret1", securityToken: "signed too, and no harm"),
  ])
  func `who is not known or signs wrongly is refused, with a reason`(credentials: ClientCredentials?) async throws {
    try await Self.withCluster { cluster in
      let client = try await cluster.client { $0.credentials = credentials }
      let producer = try client.producer(group: "pg")
      let isKnown = credentials?.securityToken != nil
      do throws(ClientError) {
        try await producer.send(Message(topic: "FxAcl", text: "x"))
        #expect(isKnown)
      } catch {
        #expect(!isKnown)
        #expect(error.code == .noPermission)
        #expect(error.responseCode == 1)
        #expect(error.advice != nil)
        #expect(!"\(error)".contains("secret1"))
      }
    }
  }

  @Test func `what the account may not do is refused`() async throws {
    try await Self.withCluster { cluster in
      let client = try await cluster.client { $0.credentials = Self.user }
      let producer = try client.producer(group: "pg")
      await #expect(throws: ClientError(.noPermission, "")) {
        try await producer.send(Message(topic: "Other", text: "x"))
      }
    }
  }

  @Test func `the secret is in no text`() {
    var dumped = ""
    var configuration = ClientConfiguration(nameServers: ["127.0.0.1:9876"])
    configuration.credentials = Self.user
    dump(configuration, to: &dumped)
    #expect(dumped.contains("fxuser01"))
    #expect(!"\(dumped)\(configuration)\(String(reflecting: configuration))".contains("usersecret1"))
  }
}
