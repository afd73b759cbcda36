import ApusModel
import Testing

@testable import ApusAccess

@Suite struct AddressPatternTests {
  static let matching: [(String, String)] = [
    ("*", "10.0.0.1"), ("*", "fe80::1"), ("*.*.*.*", "1.2.3.4"), ("*:*:*:*:*:*:*:*", "::1"),
    ("10.10.103.1", "10.10.103.1"), (" 10.10.103.1 ", "10.10.103.1"), ("10.10.103.*", "10.10.103.255"),
    ("10.10.*.*", "10.10.1.2"), ("10.*.*.*", "10.1.2.3"), ("10.10.103.5-9", "10.10.103.5"),
    ("10.10.103.5-9", "10.10.103.9"), ("10.10.5-9.*", "10.10.7.77"), ("10.10.103.{1,7}", "10.10.103.7"),
    ("10.10.103.{1, 7}", "10.10.103.7"), ("10.0.0.1,10.0.0.2", "10.0.0.2"), ("10.0.0.1, 192.168.*.*", "192.168.3.4"),
    ("10.0.0.{1,2},10.0.0.9", "10.0.0.9"), ("1050:0:0:0:5:600:300c:326b", "1050::5:600:300c:326b"),
    ("1050::5:600:300c:326b", "1050:0:0:0:5:600:300c:326b"), ("::1", "::1"), ("::", "::"), ("fe80::*", "fe80::77"),
    ("fe80::1:10-ff", "fe80::1:a0"), ("1050::5:600:300C:{326a,326b}", "1050::5:600:300c:326b"),
    ("10.0.0.1", "::ffff:a00:1"), ("0.0.0.0", "0.0.0.0"),
  ]

  @Test(arguments: matching)
  func `an address matches`(pattern: String, address: String) throws {
    let peer = try #require(HostAddress(host: address, port: 4711))
    #expect(try AddressPattern(pattern).matches(peer))
  }

  static let others: [(String, String)] = [
    ("", "10.0.0.1"), ("  ", "10.0.0.1"), ("10.10.103.1", "10.10.103.2"), ("10.10.103.*", "10.10.104.1"),
    ("10.10.103.5-9", "10.10.103.4"), ("10.10.103.5-9", "10.10.103.10"), ("10.10.103.{1,7}", "10.10.103.2"),
    ("10.0.0.1,10.0.0.2", "10.0.0.3"), ("192.168.*.1", "192.168.7.2"), ("fe80::1", "fe80::2"),
    ("fe80::1:10-ff", "fe80::1:100"), ("10.0.0.1", "::a00:1"), ("*.*.*.1", "fe80::1"), ("::1", "0.0.0.1"),
    ("1.2.3.4", "fe80::1"),
  ]

  @Test(arguments: others)
  func `an address does not match`(pattern: String, address: String) throws {
    let peer = try #require(HostAddress(host: address, port: 4711))
    #expect(try !AddressPattern(pattern).matches(peer))
  }

  @Test(arguments: [
    "10.0.0", "10.0.0.0.0", "10.0.0.256", "10.0.0.-1", "10.0.0.9-5", "10.0.0.1-", "10.0.0.1-2-3", "10.0.0.x", "host",
    "10.0.0.+1", "10.0.0.{1,2", "10.0.0.1}", "10.0.0.{{1}}", "{10,11}.0.0.1", "10.0.0.{}", "10.0.0.1,", ",10.0.0.1",
    "10.0.0.{1,}", "fe80:::1", "fe80::1::2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "fe80::12345",
    "fe80::g", "10.0.0.0/8", "1.2.3.99999999999999999999", ":", "-", "{", "}",
  ])
  func `what is no address is refused with what is wrong`(text: String) {
    #expect(throws: AddressPatternError.self) { try AddressPattern(text) }
  }

  @Test func `a list is bounded`() {
    let list = (0..<2000).map { "10.0.\($0 / 256).\($0 % 256)" }.joined(separator: ",")
    #expect(throws: AddressPatternError.self) { try AddressPattern(list) }
  }
}
