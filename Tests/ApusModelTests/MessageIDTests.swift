import ApusBase
import ApusModel
import Testing

@Suite struct MessageIDTests {
  @Test func `reads and writes the offset ids that Java makes`() throws {
    for row in try Fixtures.ids("offsetMsgId") {
      let port = try #require(Int32(row[1]))
      let host = try #require(HostAddress(host: row[0], port: port))
      let offset = PhysicalOffset(try #require(Int64(row[2])))
      #expect(MessageID(host: host, offset: offset).description == row[3])
      let read = try MessageID(row[3])
      #expect(read == MessageID(host: host, offset: offset))
      #expect(read.host.host == row[5])
    }
  }

  @Test func `reads and writes the unique keys that Java makes`() throws {
    for row in try Fixtures.ids("uniqKey") {
      let key = try UniqueKey(Array(row[0].utf8).rawSpan)
      #expect(key.description == row[0])
      #expect(HostAddress(host: row[1], port: 0) == key.host)
      #expect(String(key.processID) == row[2])
      #expect(String(key.loaderHash) == row[3])
      #expect(String(key.sinceMonthStart) == row[4])
      #expect(String(key.counter) == row[5])
    }
  }

  @Test(arguments: ["", "7F", "xyz", "7F00000100002A9F000000000000000G", "7F00000100002A9FFFFFFFFFFFFFFFFF", "7F0"])
  func `refuses what is no offset id`(text: String) {
    #expect(throws: DecodeError.self) { try MessageID(text) }
  }

  @Test(arguments: [
    ("127.0.0.1:10911", "127.0.0.1:10911"), ("[::1]:80", "[0:0:0:0:0:0:0:1]:80"),
    ("0:0:0:0:0:0:0:1:80", "[0:0:0:0:0:0:0:1]:80"), ("[2001:db8::ff00:42:8329]:1", "[2001:db8:0:0:0:ff00:42:8329]:1"),
    ("[fe80::]:9", "[fe80:0:0:0:0:0:0:0]:9"), ("[::]:9", "[0:0:0:0:0:0:0:0]:9"),
  ])
  func `reads addresses`(text: String, canonical: String) throws {
    #expect(try #require(HostAddress(text)).description == canonical)
  }

  @Test(arguments: [
    "localhost:80", "1.2.3:80", "1.2.3.4", "1.2.3.4:", "1.2.3.256:80", "1.2.3.4:65536", "[::1:80", "[:::]:80",
    "[1::2::3]:4",
    "1.2.3.4:+1", "[1:2:3:4:5:6:7]:8", "[12345::]:1", ":80",
  ])
  func `refuses what is no address`(text: String) {
    #expect(HostAddress(text) == nil)
  }
}
