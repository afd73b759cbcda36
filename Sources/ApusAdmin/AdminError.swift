import ApusBase
import ApusClient
package import ApusProtocol

/// Why an administering request, or a command that makes several, did not do what was asked.
package struct AdminError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What happened and what can be done, without a full stop at its end.
  package var message: String
  /// The code that the server refused with; nil when none answered.
  package var code: ResponseCode?

  /// Says what happened.
  package init(_ message: String, code: ResponseCode? = nil) {
    self.message = message
    self.code = code
  }

  /// A request of the client's failed.
  init(_ error: ClientError) {
    let text = error.description
    self.init(text.hasSuffix(".") ? String(text.dropLast()) : text, code: error.responseCode.map { ResponseCode($0) })
  }

  /// An answer cannot be read.
  init(_ error: DecodeError, from server: String) {
    self.init("the answer of \(server) cannot be read: \(error)")
  }

  /// Of these topics or groups not everything was shown. Ten of them are named: there may be thousands.
  init(incomplete names: [String]) {
    let named = names.prefix(10).joined(separator: ", ")
    let others = names.count > 10 ? " and \(names.count - 10) others" : ""
    self.init("not all is known of \(named)\(others), as brokers do not answer")
  }

  /// What happened.
  package var description: String { message }
}
