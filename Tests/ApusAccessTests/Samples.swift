import ApusBase
import ApusModel
import ApusProtocol
import Foundation
import ApusSigning

@testable import ApusAccess

/// Files recorded from Java, below `Fixtures/` of the package.
enum Fixture {
  static func text(_ path: String, file: StaticString = #filePath) throws -> String {
    let root = URL(filePath: "\(file)").deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return String(decoding: try Data(contentsOf: root.appending(path: "Fixtures/" + path)), as: UTF8.self)
  }

  /// The samples of a file of frames that were recorded with access control on: title, request, answer.
  static func samples(_ path: String) throws -> [(title: String, request: [UInt8], response: Command?)] {
    try text(path).components(separatedBy: "# sample ").dropFirst().compactMap { block in
      let lines = block.split(separator: "\n")
      guard lines[0].contains("session acl") else { return nil }
      let response = hexadecimal(lines, "<")
      return (
        String(lines[0]), hexadecimal(lines, ">"), response.isEmpty ? nil : try Command(frame: response.rawSpan)
      )
    }
  }

  private static func hexadecimal(_ lines: [Substring], _ mark: Character) -> [UInt8] {
    bytes(hexadecimal: lines.filter { $0.first == mark }.map { $0.dropFirst(2) }.joined())
  }

  static func bytes(hexadecimal text: some StringProtocol) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}

extension AccessList {
  /// What a request in a frame is refused with; nil when it is let through.
  func refusal(
    _ frame: [UInt8], from peer: HostAddress = HostAddress(ipv4: 0x0A00_0001, port: 1)
  ) throws -> Refusal? {
    var decoder = RequestDecoder()
    var content = SignedContent()
    let request = try decoder.decode(frame: frame.rawSpan)
    do throws(Refusal) {
      _ = try check(request, from: peer, &content)
      return nil
    } catch {
      return error
    }
  }

  /// The same for a request given by its fields, signed with credentials.
  func refusal(
    _ code: RequestCode, _ fields: [(String, String)], body: [UInt8] = [], by credentials: Credentials?,
    type: HeaderType = .json, from peer: HostAddress = HostAddress(ipv4: 0x0A00_0001, port: 1)
  ) throws -> Refusal? {
    let fields = fields.map { ReplyField($0.0, $0.1) }
    let signed = credentials?.signed(fields, body: body) ?? fields
    return try refusal(Self.frame(code, signed, body: body, type: type), from: peer)
  }

  static func frame(
    _ code: RequestCode, _ fields: [ReplyField], body: [UInt8] = [], type: HeaderType = .json
  ) -> [UInt8] {
    var output = ByteWriter()
    let header = CommandHeader(code: code.rawValue, id: RequestID(1), type: type)
    Command(header: header, fields: fields, body: body).encode(into: &output)
    return output.array
  }

  /// The list that one file makes.
  convenience init(yaml: String) throws {
    self.init([try AccessFile(path: "/conf/plain_acl.yml", bytes: Array(yaml.utf8))])
  }
}

/// The words that Java's refusals begin with.
let aclException = "org.apache.rocketmq.acl.common.AclException: "
