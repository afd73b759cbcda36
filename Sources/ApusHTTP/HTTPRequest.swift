/// What is asked for.
package enum HTTPMethod: Hashable, Sendable {
  /// Headers and body.
  case get
  /// The same without the body.
  case head
}

/// The head of a request; bodies are not taken.
package struct HTTPRequest: Hashable, Sendable {
  /// What is asked for.
  package var method: HTTPMethod
  /// The path as it came, without the query; begins with `/`.
  package var path: String
  /// Whether the connection stays open after the answer.
  package var keepsAlive: Bool

  /// Describes a request.
  package init(method: HTTPMethod, path: String, keepsAlive: Bool) {
    self.method = method
    self.path = path
    self.keepsAlive = keepsAlive
  }
}
