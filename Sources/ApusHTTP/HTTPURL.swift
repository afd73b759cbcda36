/// The address of something that HTTP serves: `http://host[:port][/path][?query]`.
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  /// Why a text is no such address.
  package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence fragment.
    package let description: String
  }

  /// The server's name or address; an IPv6 address in brackets.
  package let host: String
  /// The server's port; 80 unless told.
  package let port: UInt16
  /// What is asked for: path and query, beginning with `/`.
  package let target: String

  /// Reads an address. Characters that would end a line or a word of a request are refused.
  package init(_ text: String) throws(Fault) {
    let scheme = "http://"
    guard text.lowercased().hasPrefix(scheme) else { throw Fault(description: "'\(text)' does not begin with http://") }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw Fault(description: "the address has a space or a character that is not ASCII")
    }
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let path = rest.dropFirst(authority.count).prefix { $0 != "#" }
    target = path.hasPrefix("/") ? String(path) : "/" + path
    guard !authority.contains("@") else { throw Fault(description: "'\(text)' names a user") }
    // An address of IPv6 has colons of its own.
    let colon = authority.lastIndex(of: ":").flatMap { authority[$0...].contains("]") ? nil : $0 }
    if let colon {
      guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
        throw Fault(description: "'\(text)' has a port that is none")
      }
      (host, port) = (String(authority[..<colon]), number)
    } else {
      (host, port) = (String(authority), 80)
    }
    guard !host.isEmpty else { throw Fault(description: "'\(text)' names no server") }
  }

  /// The host with its port, as the header `Host` has it.
  package var authority: String { port == 80 ? host : "\(host):\(port)" }
  /// The whole address.
  package var description: String { "http://\(authority)\(target)" }
}
