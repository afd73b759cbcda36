import COpenSSL

/// Why TLS cannot be set up or a peer cannot be talked to.
package struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence fragment that names the file or setting it is about.
  package let description: String

  /// Says what is wrong.
  package init(_ description: String) { self.description = description }

  /// What OpenSSL has noted on this thread since the last `forget`, oldest first, as it is the cause of those after it;
  /// nil when there is nothing.
  static func takeNoted() -> String? {
    let code = ERR_get_error()
    defer { forget() }
    guard code != 0 else { return nil }
    guard let text = unsafe ERR_reason_error_string(code) else { return "OpenSSL error \(code)" }
    return unsafe String(cString: text)
  }

  /// Empties the thread's list, so that what comes next is about the next call.
  static func forget() { ERR_clear_error() }

  /// An error whose text ends with what OpenSSL has noted.
  static func noted(_ what: String) -> TLSError { TLSError("\(what): \(takeNoted() ?? "no reason is known")") }
}
