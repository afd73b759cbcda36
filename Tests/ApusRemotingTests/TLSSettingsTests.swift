import ApusBase
import ApusSystem
import Testing

@testable import ApusRemoting

@Suite struct TLSSettingsTests {
  private func settings(_ text: String, file: String? = nil) throws -> TLSSettings {
    let properties = try PropertiesFile(parsing: Array(text.utf8).rawSpan)
    return try TLSSettings(properties) { (path) throws(TLSError) in
      guard let file else { return nil }
      do throws(DecodeError) {
        return try PropertiesFile(parsing: Array(file.utf8).rawSpan)
      } catch {
        throw TLSError("\(path): \(error)")
      }
    }
  }

  private func refusal(_ text: String, file: String? = nil) -> String? {
    do {
      _ = try settings(text, file: file)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func `nothing set is what Java does: both kinds of peers, a certificate of its own, plain calls`() throws {
    let settings = try settings("listenPort=1\n")
    #expect(settings == TLSSettings())
    #expect(settings.mode == .permissive && settings.server == .selfSigned && !settings.isClientEnabled)
    #expect(settings.warnings.isEmpty)
  }

  @Test func `every key of Java has its effect`() throws {
    let settings = try settings(
      """
      tls.server.mode=ENFORCING
      tls.test.mode.enable=false
      tls.server.need.client.auth=require
      tls.server.keyPath=/s.key
      tls.server.keyPassword=a
      tls.server.certPath=/s.pem
      tls.server.authClient=true
      tls.server.trustCertPath=/t.pem
      tls.enable=true
      tls.client.keyPath=/c.key
      tls.client.keyPassword=b
      tls.client.certPath=/c.pem
      tls.client.authServer=true
      tls.client.trustCertPath=/u.pem
      tls.client.checkServerName=true
      """)
    #expect(settings.mode == .enforcing)
    let server = TLSCredentials(certificatePath: "/s.pem", keyPath: "/s.key", keyPassword: "a")
    #expect(settings.server == .files(server, clientCertificate: .require, trust: .file("/t.pem")))
    #expect(settings.isClientEnabled && settings.checksServerName)
    #expect(
      settings.clientCredentials == TLSCredentials(certificatePath: "/c.pem", keyPath: "/c.key", keyPassword: "b"))
    #expect(settings.clientTrust == .file("/u.pem"))
    #expect(settings.warnings.isEmpty)
  }

  @Test func `test mode is on where it is said, else where no files are named`() throws {
    let files = "tls.server.keyPath=/k\ntls.server.certPath=/c\n"
    let named = TLSSettings.ServerIdentity.files(
      TLSCredentials(certificatePath: "/c", keyPath: "/k"), clientCertificate: .none, trust: .anyone)
    #expect(try settings(files).server == named)
    let told = try settings(files + "tls.test.mode.enable=true\n")
    #expect(told.server == .selfSigned)
    #expect(told.warnings == ["tls.test.mode.enable is true: the server's certificate files have no effect"])
  }

  @Test func `the machine's authorities are trusted where no file is named`() throws {
    let text = "tls.server.keyPath=/k\ntls.server.certPath=/c\ntls.server.authClient=true\ntls.client.authServer=true\n"
    let settings = try settings(text)
    guard case .files(_, _, .system) = settings.server else {
      Issue.record("\(settings.server)")
      return
    }
    #expect(settings.clientTrust == .system)
  }

  @Test func `the TLS file stands above the configuration, but for what Java reads from properties alone`() throws {
    let settings = try settings(
      "tls.config.file=/x\ntls.server.keyPath=/old\ntls.server.certPath=/c\n",
      file: "tls.server.keyPath=/new\ntls.server.mode=disabled\ntls.enable=true\n")
    #expect(
      settings.server
        == .files(
          TLSCredentials(certificatePath: "/c", keyPath: "/new"), clientCertificate: .none, trust: .anyone))
    #expect(settings.mode == .permissive && !settings.isClientEnabled)
    #expect(
      settings.warnings == [
        "setting tls.server.mode in /x has no effect", "setting tls.enable in /x has no effect",
      ])
  }

  @Test(arguments: [
    ("tls.server.mode=on", "tls.server.mode is one of disabled, permissive, enforcing, not 'on'"),
    ("tls.enable=yes", "tls.enable is true or false, not 'yes'"),
    ("tls.server.keyPath=/k", "tls.server.keyPath is set and tls.server.certPath is not"),
    ("tls.client.certPath=/k", "tls.client.certPath is set and tls.client.keyPath is not"),
    ("tls.test.mode.enable=false", "tls.server.certPath and tls.server.keyPath are missing"),
    ("tls.config.file=/nowhere", "tls.config.file: /nowhere is not there"),
    (
      "tls.client.checkServerName=true\ntls.test.mode.enable=false\ntls.server.mode=disabled",
      "tls.client.checkServerName needs tls.client.authServer=true"
    ),
    (
      "tls.server.keyPath=/k\ntls.server.certPath=/c\ntls.server.need.client.auth=maybe",
      "tls.server.need.client.auth is one of none, optional, require, not 'maybe'"
    ),
    (
      "tls.server.need.client.auth=require",
      "tls.server.need.client.auth needs tls.test.mode.enable=false and a certificate of the server"
    ),
  ]) func `values that cannot be meant are refused with the key`(text: String, reason: String) {
    #expect(refusal(text) == reason)
  }

  @Test func `keys that nobody knows are told`() throws {
    #expect(try settings("tls.server.mod=enforcing").warnings == ["setting tls.server.mod has no effect"])
  }
}
