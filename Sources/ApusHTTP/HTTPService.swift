/// Who answers the requests of an HTTP server.
package protocol HTTPService: AnyObject, Sendable {
  /// Answers a request by calling `completion` once, now or later, on any thread. Called on the server's loop: must not
  /// block.
  func answer(_ request: HTTPRequest, _ completion: @escaping @Sendable (HTTPResponse) -> Void)
}
