import ApusBase
import Testing

@testable import ApusSystem

@Suite struct TLSContextTests {
  private static func path(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Fixtures/tls/\(name)"
  }

  private func reason(
    _ certificate: String, _ key: String, password: String? = nil, trust: TLSTrust = .anyone
  ) -> String? {
    do throws(TLSError) {
      let credentials = TLSCredentials(certificatePath: certificate, keyPath: key, keyPassword: password)
      _ = try TLSContext.server(credentials, clientCertificate: .require, trust: trust)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func `certificate and key are taken from files, encrypted ones with their password`() {
    #expect(reason(Self.path("server.pem"), Self.path("server.key")) == nil)
    #expect(reason(Self.path("server.pem"), Self.path("encrypted.key"), password: "opensesame") == nil)
    let trust = TLSTrust.file(Self.path("authority.pem"))
    #expect(reason(Self.path("server.pem"), Self.path("server.key"), trust: trust) == nil)
  }

  @Test func `no description shows the password of a key`() {
    let credentials = TLSCredentials(certificatePath: "a.pem", keyPath: "a.key", keyPassword: "opensesame")
    var said = "\(credentials) \(String(reflecting: credentials)) \(String(describing: [credentials]))"
    dump(credentials, to: &said)
    #expect(said.contains("a.key"))
    #expect(!said.contains("opensesame"))
  }

  @Test(
    arguments: [
      ("missing.pem", "server.key", nil, "open $missing.pem: No such file or directory"),
      ("server.pem", "missing.key", nil, "open $missing.key: No such file or directory"),
      ("server.key", "server.key", nil, "$server.key holds no certificate"),
      ("server.pem", "server.pem", nil, "the key in $server.pem cannot be read:"),
      ("server.pem", "client.key", nil, "the key in $client.key does not belong to the certificate in $server.pem:"),
      ("server.pem", "encrypted.key", nil, "the key in $encrypted.key is encrypted and no password is given"),
      ("server.pem", "encrypted.key", "wrong", "the password does not open the key in $encrypted.key"),
    ] as [(String, String, String?, String)])
  func `files that cannot be used are named with the reason`(
    certificate: String, key: String, password: String?, expected: String
  ) throws {
    let text = try #require(self.reason(Self.path(certificate), Self.path(key), password: password))
    #expect(text.hasPrefix(expected.replacing("$", with: Self.path(""))), "\(text)")
  }

  @Test func `trust in a file without certificates is refused`() {
    let text = reason(Self.path("server.pem"), Self.path("server.key"), trust: .file(Self.path("server.key")))
    #expect(text == "\(Self.path("server.key")) holds no certificate")
  }

  @Test func `files that are empty or damaged are refused`() throws {
    let directory = try TemporaryDirectory()
    let disk = PosixDisk()
    let good = String(decoding: try ProcessIO.contents(of: Self.path("server.pem")), as: UTF8.self)
    func write(_ text: String) throws -> String {
      let path = directory.file("a.pem")
      let file = try disk.open(path, create: true)
      defer { disk.close(file) }
      try disk.setLength(of: file, to: 0)
      if !text.isEmpty { try disk.writeText(text, to: file) }
      return path
    }
    let path = try write("")
    #expect(reason(path, Self.path("server.key")) == "\(path) is empty")
    _ = try write(good + good.replacing("MII", with: "MIJ"))
    #expect(reason(path, Self.path("server.key"))?.hasPrefix("\(path) holds a certificate that is damaged:") == true)
    // Every byte of the text once: whatever comes of it, it is an answer.
    for place in stride(from: 0, to: good.utf8.count, by: 7) {
      var bytes = Array(good.utf8)
      bytes[place] ^= 1
      _ = reason(try write(String(decoding: bytes, as: UTF8.self)), Self.path("server.key"))
    }
  }

  @Test func `a certificate of one's own is made anew each time`() throws {
    _ = try TLSContext.selfSigned()
    _ = try TLSContext.selfSigned()
  }

  @Test func `a certificate tells when it ends`() throws {
    let files = TLSCredentials(certificatePath: Self.path("server.pem"), keyPath: Self.path("server.key"))
    #expect(try TLSContext.server(files).certificateEnd == WallTime(milliseconds: 4_733_510_400_000))
    #expect(try TLSContext.client().certificateEnd == nil)
  }

  @Test func `what follows records is found wherever a stream is cut`() {
    let stream: [UInt8] =
      [0x16, 3, 1, 0, 2, 9, 9, 0x17, 3, 3, 0, 0, 0x17, 3, 3, 1, 0] + [UInt8](repeating: 5, count: 256)
    let ends: Set = [7, 12, 12 + 5 + 256]
    for cut in 1...stream.count {
      var boundary = TLSRecordBoundary()
      boundary.advance(over: stream.rawSpan.extracting(0..<cut))
      #expect(boundary.isInside != ends.contains(cut), "after \(cut) bytes")
    }
  }
}
