import ApusRemoting
import ApusSystem
import Testing

@testable import ApusClient

/// Clients of servers that speak TLS only.
@Suite(.timeLimit(.minutes(10))) struct TLSTests {
  private static func path(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Fixtures/tls/\(name)"
  }

  private static func cluster(_ clientCertificate: TLSClientCertificate = .none) throws -> Cluster {
    func files(_ name: String) -> TLSCredentials {
      TLSCredentials(certificatePath: path("\(name).pem"), keyPath: path("\(name).key"))
    }
    let authority = TLSTrust.file(path("authority.pem"))
    return try Cluster(
      tls: (
        ServerTLS(
          mode: .enforcing,
          identity: .files(files("server"), clientCertificate: clientCertificate, trust: authority)),
        ClientTLS(try TLSContext.client(files("client"), trust: authority))
      ))
  }

  private static var trusting: TLSConfiguration { TLSConfiguration(trust: .file(path("authority.pem"))) }

  @Test func `messages go through TLS, both ways`() async throws {
    let cluster = try Self.cluster()
    let client = try await cluster.client { $0.tls = Self.trusting }
    let receipt = try await client.producer(group: "pg").send(Message(topic: "Sealed", text: "secret"))
    var settings = PullConsumerConfiguration()
    settings.start = .first
    let consumer = try client.pullConsumer(group: "cg", settings)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await consumer.run() }
      consumer.assign([receipt.queue])
      var found: [ReceivedMessage] = []
      try await until {
        found = await consumer.poll() ?? []
        return !found.isEmpty
      }
      #expect(found.map(\.text) == ["secret"])
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  @Test func `a client shows its certificate where servers want one`() async throws {
    let cluster = try Self.cluster(.require)
    let client = try await cluster.client {
      var tls = Self.trusting
      (tls.certificatePath, tls.keyPath) = (Self.path("client.pem"), Self.path("client.key"))
      $0.tls = tls
    }
    try await client.producer(group: "pg").send(Message(topic: "Shown", text: "x"))
    try await refused(by: cluster, "closed") { $0.tls = Self.trusting }
  }

  @Test func `a server that cannot be trusted, or not by this name, is not talked to`() async throws {
    let cluster = try Self.cluster()
    _ = try await cluster.client { $0.tls = Self.trusting }
    // Without a setting the machine's own authorities are trusted, which know nothing of this one.
    try await refused(by: cluster, "certificate verify failed") { $0.tls = TLSConfiguration() }
    try await refused(by: cluster, "certificate verify failed") {
      $0.tls = TLSConfiguration(trust: .file(Self.path("stranger.pem")))
    }
    let port = cluster.nameServerAddress.split(separator: ":")[1]
    // The certificate is made out for 127.0.0.1 and localhost; 127.1 is the same address, and no name of it.
    try await refused(by: cluster, "127.1 cannot be the name") {
      $0.tls = Self.trusting
      $0.nameServers = ["127.1:\(port)"]
    }
    _ = try await cluster.client {
      $0.tls = Self.trusting
      $0.nameServers = ["localhost:\(port)"]
    }
    _ = try await cluster.client { $0.tls = TLSConfiguration(trust: .anyone) }
    try await refused(by: cluster, "closed") { $0.tls = nil }
  }

  /// Asks for a route in vain.
  private func refused(
    by cluster: Cluster, _ reason: String, _ configure: (inout ClientConfiguration) -> Void
  ) async throws {
    var configuration = ClientConfiguration.patient([cluster.nameServerAddress])
    configure(&configuration)
    let client = try MessageClient(configuration)
    do throws(ClientError) {
      _ = try await client.runtime.nameServers.route("TBW102")
      Issue.record("a server was talked to that must not be: \(reason)")
    } catch {
      #expect(error.code == .noNameServer)
      #expect("\(error)".contains(reason), "\(error)")
    }
  }

  @Test func `files that cannot be used are named before anything is sent, and no password is shown`() {
    var tls = TLSConfiguration(trust: .file("/nowhere/ca.pem"))
    expectRefusal(tls, "/nowhere/ca.pem")
    tls = Self.trusting
    tls.certificatePath = Self.path("client.pem")
    expectRefusal(tls, "keyPath")
    tls.keyPath = Self.path("server.key")
    expectRefusal(tls, "does not belong")
    tls.keyPath = Self.path("encrypted.key")
    tls.keyPassword = "hush-hush"
    var dumped = ""
    dump(tls, to: &dumped)
    #expect(!"\(dumped)\(tls)\(String(reflecting: tls))".contains("hush"))
  }

  private func expectRefusal(_ tls: TLSConfiguration, _ text: String) {
    var configuration = ClientConfiguration(nameServers: ["127.0.0.1:1"])
    configuration.tls = tls
    do throws(ClientError) {
      _ = try MessageClient(configuration)
      Issue.record("\(tls) was taken")
    } catch {
      #expect(error.code == .invalidArgument)
      #expect(error.message.contains(text), "\(error)")
    }
  }
}
