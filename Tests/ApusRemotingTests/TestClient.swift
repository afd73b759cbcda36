import ApusBase
import ApusProtocol

/// A peer that sends frames made by hand.
final class TestClient: BlockingPeer {
  func send(_ bytes: some Collection<UInt8>) { send(bytes: Array(bytes)) }

  /// Whether the server has closed the connection, which it is waited for.
  func isClosed() throws -> Bool { try receive() == nil }

  static func frame(
    _ code: RequestCode, id: Int32, body: [UInt8] = [], flag: Int32 = 0, type: HeaderType = .json
  ) -> [UInt8] {
    let header = CommandHeader(code: code.rawValue, id: RequestID(id), flag: flag, type: type)
    var output = ByteWriter()
    Command(header: header, body: body).encode(into: &output)
    return output.array
  }
}
