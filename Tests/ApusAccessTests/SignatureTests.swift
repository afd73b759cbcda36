import ApusBase
import ApusModel
import ApusProtocol
import Foundation
import Testing

@testable import ApusAccess
@testable import ApusSigning

@Suite struct SignatureTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var code: Int32
    var credentials: Credentials
    var secret: String
    var fields: [ReplyField]
    var body: [UInt8]
    var content: [UInt8]
    var signature: String
    var testDescription: String { "\(code) \(credentials.accessKey) \(fields.count) fields" }
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
  }

  static let rows: [Row] = {
    do {
      return try Fixture.text("access/signatures.tsv").split(separator: "\n").compactMap { line in
        let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard columns[0] == "aclSignature", let code = Int32(columns[1]) else { return nil }
        let (key, secret) = (try decode(String.self, columns[2]), try decode(String.self, columns[3]))
        let fields = try decode([String: String].self, columns[4])
        return Row(
          code: code,
          credentials: Credentials(accessKey: key, secretKey: secret, securityToken: fields["SecurityToken"]),
          secret: secret, fields: fields.sorted { $0.key < $1.key }.map { ReplyField($0.key, $0.value) },
          body: columns[5] == "-" ? [] : Fixture.bytes(hexadecimal: columns[5]),
          content: Fixture.bytes(hexadecimal: columns[6]), signature: columns[7])
      }
    } catch {
      return []
    }
  }()

  @Test func `Java's table of signatures is there`() { #expect(Self.rows.count == 16) }

  @Test(arguments: rows)
  func `a signature is Java's`(row: Row) {
    #expect(row.credentials.signature(of: row.fields, body: row.body).text == row.signature)
    let signature = SignatureKey(secret: row.secret).signature(of: row.content.rawSpan)
    #expect(signature.text == row.signature)
  }

  @Test func `every row of Java's HMAC table is signed alike`() throws {
    let rows = try Fixture.text("access/signatures.tsv").split(separator: "\n").filter { $0.hasPrefix("aclHmac") }
    #expect(rows.count == 4)
    for row in rows {
      let columns = row.split(separator: "\t").map(String.init)
      let data = try Self.decode(String.self, columns[1])
      #expect(Self.text(try Self.decode(String.self, columns[2]), data) == columns[3])
    }
  }

  @Test func `a secret that is longer than a block is hashed first`() {
    // RFC 2202, test case 6: a key of 80 bytes 0xAA; as text these bytes would not be UTF-8, so ASCII is used, with
    // the value of an independent implementation.
    let text = "Test Using Larger Than Block-Size Key - Hash Key First"
    #expect(Self.text(String(repeating: "k", count: 80), text) == "oIu+9Wc/LCqLxvr5H7X7m1732jU=")
  }

  // MARK: Over requests

  @Test(arguments: rows, [HeaderType.json, .binary])
  func `the signature is found over a request's fields in any order`(row: Row, type: HeaderType) throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<20 {
      let fields = (row.fields + [ReplyField("Signature", row.signature)]).shuffled(using: &generator)
      let frame = AccessList.frame(RequestCode(row.code), fields, body: row.body, type: type)
      #expect(try Self.isSigned(frame, secret: row.secret))
      #expect(try !Self.isSigned(frame, secret: row.secret + "x"))
    }
  }

  @Test(arguments: [HeaderType.json, .binary])
  func `every byte of a signed request counts`(type: HeaderType) throws {
    let credentials = Credentials(accessKey: "fxuser", secretKey: "userpass1")
    let body = Array("body".utf8)
    let fields = [ReplyField("a", "pg"), ReplyField("b", "FxAcl"), ReplyField("strange", "value")]
    let signed = credentials.signed(fields, body: body)
    #expect(try Self.isSigned(AccessList.frame(.sendMessageV2, signed, body: body, type: type), secret: "userpass1"))
    for index in signed.indices {
      var changed = signed
      changed[index].value += "x"
      let frame = AccessList.frame(.sendMessageV2, changed, body: body, type: type)
      #expect(try !Self.isSigned(frame, secret: "userpass1"), "field \(signed[index].name)")
      changed.remove(at: index)
      let shorter = AccessList.frame(.sendMessageV2, changed, body: body, type: type)
      #expect(try !Self.isSigned(shorter, secret: "userpass1"), "without \(signed[index].name)")
    }
    let frame = AccessList.frame(.sendMessageV2, signed, body: body + [0], type: type)
    #expect(try !Self.isSigned(frame, secret: "userpass1"))
  }

  @Test func `each character of a signature is compared`() throws {
    let signature = SignatureKey(secret: "userpass1").signature(of: Array("text".utf8).rawSpan)
    #expect(Self.matches(signature, signature.text))
    for index in 0..<Signature.textBytes {
      var wrong = Array(signature.text.utf8)
      wrong[index] ^= 1
      #expect(!Self.matches(signature, String(decoding: wrong, as: UTF8.self)))
    }
    #expect(!Self.matches(signature, String(signature.text.dropLast())))
    #expect(!Self.matches(signature, signature.text + "="))
  }

  @Test func `the mark of a query by unique key may be signed or not`() throws {
    let key = SignatureKey(secret: "userpass1")
    let fields = [ReplyField("AccessKey", "fxuser"), ReplyField("key", "k"), ReplyField("topic", "T")]
    let mark = ReplyField("_UNIQUE_KEY_QUERY", "true")
    // By name: AccessKey, _UNIQUE_KEY_QUERY, key, topic.
    for content in ["fxuserkT", "fxusertruekT"] {
      let signature = ReplyField("Signature", key.signature(of: Array(content.utf8).rawSpan).text)
      #expect(try Self.isSigned(AccessList.frame(.queryMessage, fields + [mark, signature]), secret: "userpass1"))
    }
  }

  @Test func `of fields with the same name the last one is signed, as it is the one that counts`() throws {
    let key = SignatureKey(secret: "userpass1")
    let signature = ReplyField("Signature", key.signature(of: Array("second".utf8).rawSpan).text)
    let fields = [ReplyField("topic", "first"), ReplyField("topic", "second"), signature]
    #expect(try Self.isSigned(AccessList.frame(.getMaxOffset, fields), secret: "userpass1"))
    let swapped = [ReplyField("topic", "second"), ReplyField("topic", "first"), signature]
    #expect(try !Self.isSigned(AccessList.frame(.getMaxOffset, swapped), secret: "userpass1"))
  }

  @Test func `names are ordered as Java orders them`() {
    let names = ["", "A", "AA", "B", "_", "a", "ab", "é", "中", "\u{D7FF}", "😀", "\u{10FFFF}", "\u{E000}", "\u{FFFD}"]
    for (index, name) in names.enumerated() {
      for (other, second) in names.enumerated() {
        let result = SignedContent.compare(Array(name.utf8).rawSpan, Array(second.utf8).rawSpan)
        #expect(result.signum() == (index - other).signum(), "\(name) and \(second)")
        let java = name.utf16.lexicographicallyPrecedes(second.utf16)
        #expect((result < 0) == java)
      }
    }
  }

  @Test func `a header with a thousand fields is verified`() throws {
    let names = (0..<1000).map { "field\(String($0, radix: 36))" }
    let credentials = Credentials(accessKey: "fxuser", secretKey: "userpass1")
    let fields = credentials.signed(names.sorted().reversed().map { ReplyField($0, "v" + $0) })
    #expect(try Self.isSigned(AccessList.frame(.getMaxOffset, fields), secret: "userpass1"))
  }

  @Test func `credentials say nothing of their secret`() {
    let credentials = Credentials(accessKey: "fxuser", secretKey: "userpass1")
    var dumped = ""
    dump(credentials, to: &dumped)
    dump(SignatureKey(secret: "userpass1"), to: &dumped)
    #expect(!"\(dumped) \(credentials) \(String(reflecting: credentials))".contains("userpass1"))
  }

  private static func matches(_ signature: Signature, _ text: String) -> Bool {
    signature.matches(Array(text.utf8).rawSpan)
  }

  private static func text(_ secret: String, _ content: String) -> String {
    SignatureKey(secret: secret).signature(of: Array(content.utf8).rawSpan).text
  }

  private static func isSigned(_ frame: [UInt8], secret: String) throws -> Bool {
    var decoder = RequestDecoder()
    var content = SignedContent()
    let request = try decoder.decode(frame: frame.rawSpan)
    return content.isSigned(request, with: SignatureKey(secret: secret))
  }
}
