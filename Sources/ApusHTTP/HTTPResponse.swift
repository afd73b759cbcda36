package import ApusBase

/// An answer: a status and a text.
package struct HTTPResponse: Hashable, Sendable {
  /// The outcome.
  package var status: HTTPStatus
  /// The value of `Content-Type`.
  package var contentType: String
  /// The bytes of the body.
  package var body: [UInt8]

  /// Answers with a body of a type.
  package init(_ status: HTTPStatus, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// Answers with one line of plain text.
  package init(_ status: HTTPStatus, _ line: String) {
    self.init(status, contentType: "text/plain; charset=utf-8", body: Array((line + "\n").utf8))
  }

  /// Writes the answer as it goes over the wire. `isHead` leaves the body out and tells its length nevertheless.
  package func write(to output: inout ByteWriter, isHead: Bool, keepsAlive: Bool) {
    output.write("HTTP/1.1 ")
    output.write(decimal: status.rawValue)
    output.write(" ")
    output.write(status.reason)
    output.write("\r\nContent-Type: ")
    output.write(utf8: contentType)
    output.write("\r\nContent-Length: ")
    output.write(decimal: body.count)
    output.write("\r\nCache-Control: no-store\r\n")
    if status == .methodNotAllowed { output.write("Allow: GET, HEAD\r\n") }
    if keepsAlive {
      output.write("Connection: keep-alive\r\n\r\n")
    } else {
      output.write("Connection: close\r\n\r\n")
    }
    if !isHead { output.write(body) }
  }
}
