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

  /// Of these topics or groups not everything was shown.
  init(incomplete names: [String]) {
    self.init("not all is known of \(names.joined(separator: ", ")), as brokers do not answer")
  }

  /// What happened.
  package var description: String { message }
}
