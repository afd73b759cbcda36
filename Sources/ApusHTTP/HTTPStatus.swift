/// The outcomes that answers have here.
package enum HTTPStatus: Int, Hashable, Sendable, CaseIterable {
  /// Done.
  case ok = 200
  /// The request is not HTTP/1.1 as RFC 9112 has it, or has a body.
  case badRequest = 400
  /// Nothing is at that path.
  case notFound = 404
  /// The method is neither GET nor HEAD.
  case methodNotAllowed = 405
  /// The head has more bytes than are taken.
  case headTooLarge = 431
  /// It cannot be done at present.
  case unavailable = 503
  /// A version that is not HTTP/1.
  case versionNotSupported = 505

  /// The words after the number.
  package var reason: StaticString {
    switch self {
    case .ok: "OK"
    case .badRequest: "Bad Request"
    case .notFound: "Not Found"
    case .methodNotAllowed: "Method Not Allowed"
    case .headTooLarge: "Request Header Fields Too Large"
    case .unavailable: "Service Unavailable"
    case .versionNotSupported: "HTTP Version Not Supported"
    }
  }
}
