import ApusBase
import ApusModel
import Testing

@Suite struct AdminAccessTests {
  private func host(_ text: String) throws -> HostAddress { try #require(HostAddress(host: text, port: 5)) }

  @Test func `allows this machine and the listed networks`() throws {
    let access = AdminAccess(
      ownAddresses: [try host("10.1.2.3")], networks: try Network.list("192.168.0.0/16, fd00::/8;10.9.9.9"))
    for text in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:7f00:1", "10.1.2.3", "192.168.255.1", "fd12::1", "10.9.9.9"] {
      #expect(access.allows(try host(text)), "\(text)")
    }
    for text in ["10.1.2.4", "192.169.0.1", "fe80::1", "::2", "10.9.9.8", "128.0.0.1", "0.0.0.1"] {
      #expect(!access.allows(try host(text)), "\(text)")
    }
  }

  @Test func `knows an IPv4 peer of an IPv6 socket`() throws {
    let access = AdminAccess(ownAddresses: [], networks: try Network.list("10.0.0.0/8"))
    #expect(access.allows(try host("::ffff:a01:203")))
    #expect(!access.allows(try host("::a01:203")))
  }

  @Test(arguments: [
    ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "fd00::1", false), ("::/0", "8.8.8.8", true),
    ("10.0.0.255/31", "10.0.0.254", true), ("10.0.0.255/32", "10.0.0.254", false),
    ("2001:db8::/33", "2001:db8:8000::", false),
    ("2001:db8::/65", "2001:db8::7fff:0:0:0", true), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
  ])
  func `compares as many bits as the prefix says`(_ network: String, _ address: String, _ isIn: Bool) throws {
    let network = try #require(Network(network))
    #expect(network.contains(try host(address)) == isIn)
  }

  @Test(arguments: [
    "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "example.org", "10.0.0", "::/129", "/8", "1.2.3.4/+8",
  ])
  func `refuses what is no network`(_ text: String) {
    let error = #expect(throws: DecodeError.self) { try Network.list("10.0.0.0/8,\(text)") }
    #expect(error?.reason.contains(text) == true)
  }

  @Test func `prints networks as they are written`() throws {
    #expect(
      try Network.list("10.1.2.3/8 10.9.9.9 fd00::1/8").map(\.description) == [
        "10.0.0.0/8", "10.9.9.9/32", "fd00:0:0:0:0:0:0:0/8",
      ])
  }
}
