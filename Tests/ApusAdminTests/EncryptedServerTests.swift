import ApusClient
import ApusCommandLine
import ApusRemoting
import ApusSystem
import Testing

@testable import ApusAdmin

/// The tool against servers that speak TLS only.
@Suite(.timeLimit(.minutes(10))) struct EncryptedServerTests {
  private static func path(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Fixtures/tls/\(name)"
  }

  private static func files(_ name: String) -> TLSCredentials {
    TLSCredentials(certificatePath: path("\(name).pem"), keyPath: path("\(name).key"))
  }

  @Test func `they are reached by those who trust their authority`() async throws {
    let authority = TLSTrust.file(Self.path("authority.pem"))
    let cluster = try Cluster(
      tls: (
        ServerTLS(
          mode: .enforcing, identity: .files(Self.files("server"), clientCertificate: .none, trust: authority)),
        ClientTLS(try TLSContext.client(Self.files("client"), trust: authority))
      ))
    _ = try await cluster.client { $0.tls = TLSConfiguration(trust: .file(Self.path("authority.pem"))) }
    let line = "topicRoute -t TBW102 -l -n \(cluster.nameServerAddress)"
    let reached = await ToolUnderTest.run("\(line) --tls-ca '\(Self.path("authority.pem"))'")
    #expect(reached.status == .success, "\(reached.notes)")
    #expect(reached.output.hasPrefix("#ClusterName "))
    #expect(await ToolUnderTest.run(line).status == .failure)
    for trust in ["--tls", "--tls-ca '\(Self.path("stranger.pem"))'"] {
      let refused = await ToolUnderTest.run("\(line) \(trust)")
      #expect(refused.status == .failure)
      #expect(refused.notes.contains("certificate verify failed"), "\(refused.notes)")
    }
    let absent = await ToolUnderTest.run("\(line) --tls-ca /nowhere/ca.pem")
    #expect(absent.notes.contains("/nowhere/ca.pem"), "\(absent.notes)")
  }
}
