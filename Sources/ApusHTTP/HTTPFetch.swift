import ApusBase
package import ApusSystem

/// Why nothing was fetched.
package struct HTTPFetchError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence fragment.
  package let description: String

  /// Says why.
  package init(_ description: String) { self.description = description }
}

/// One GET over a connection of its own, on an event loop. Follows no redirects; holds no more than a bounded answer.
package final class HTTPFetch: EventHandler, @unchecked Sendable {
  /// Called once on the loop.
  package typealias Completion = @Sendable (Result<HTTPAnswer, HTTPFetchError>) -> Void

  private let loop: EventLoop
  private let completion: Completion
  private var request = ByteWriter(capacity: 256)
  private var sent = 0
  private var parser: HTTPResponseParser
  private var attempt: ConnectAttempt?
  private var descriptor: Int32 = -1
  private var id: HandlerID?
  private var timer: EventLoop.Timer?
  private var isOver = false

  private init(_ url: HTTPURL, bodyLimit: Int, on loop: EventLoop, _ completion: @escaping Completion) {
    self.loop = loop
    self.completion = completion
    parser = HTTPResponseParser(bodyLimit: bodyLimit)
    request.write(utf8: "GET \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nUser-Agent: apus\r\n")
    request.write("Accept: */*\r\nConnection: close\r\n\r\n")
  }

  /// Fetches what is at an address whose host is `server`, from any thread. Whatever the outcome's number is, it is an
  /// answer. `timeout` covers all of it; a body of more than `bodyLimit` bytes is an error.
  package static func get(
    _ url: HTTPURL, from server: SocketAddress, on loop: EventLoop, timeout: Duration = .seconds(3),
    bodyLimit: Int = 64 << 10, completion: @escaping Completion
  ) {
    let isAccepted = loop.execute {
      HTTPFetch(url, bodyLimit: bodyLimit, on: loop, completion).begin(server, within: timeout)
    }
    if !isAccepted { completion(.failure(HTTPFetchError("the event loop has stopped"))) }
  }

  // MARK: On the loop

  private func begin(_ server: SocketAddress, within timeout: Duration) {
    // The timer and the loop hold it until it is over.
    timer = loop.schedule(after: timeout) { [self] in fail("no answer in \(timeout)") }
    do throws(SystemError) {
      attempt = try ConnectAttempt(to: server, on: loop) { [self] descriptor, reason in
        attempt = nil
        guard descriptor >= 0 else { return fail(reason ?? "connecting was given up") }
        connected(descriptor)
      }
    } catch {
      fail("\(error)")
    }
  }

  private func connected(_ descriptor: Int32) {
    self.descriptor = descriptor
    do throws(SystemError) {
      id = try loop.add(descriptor, self)
    } catch {
      fail("\(error)")
    }
  }

  package func ready(_ events: ReadyEvents, on loop: EventLoop) {
    guard !isOver, send() else { return }
    if events.allowReading || events.isEmpty { receive() }
  }

  package func loopEnded(_ loop: EventLoop) { fail("the event loop has stopped") }

  /// False when the connection failed.
  private func send() -> Bool {
    while sent < request.count {
      let count = Socket.send(descriptor, request.bytes.extracting(sent..<request.count))
      guard count > 0 else {
        if Socket.wouldBlock(count) { return true }
        fail("the connection broke")
        return false
      }
      sent += count
    }
    return true
  }

  private func receive() {
    let count = unsafe Socket.receive(descriptor, into: loop.readBuffer)
    if count > 0 {
      for position in 0..<count where !isOver { unsafe take(parser.take(loop.readBuffer[position])) }
      // Not in a loop: a server that sends faster than this reads must not hold the thread.
      if !isOver { loop.callAgain(self) }
    } else if count == 0 {
      take(parser.end())
    } else if !Socket.wouldBlock(count) {
      fail("the connection broke")
    }
  }

  private func take(_ step: HTTPResponseParser.Step) {
    switch step {
    case .more: break
    case .answer(let answer): end(.success(answer))
    case .failed(let reason): fail(reason)
    }
  }

  private func fail(_ reason: String) { end(.failure(HTTPFetchError(reason))) }

  private func end(_ result: Result<HTTPAnswer, HTTPFetchError>) {
    guard !isOver else { return }
    isOver = true
    if let timer { loop.cancel(timer) }
    attempt?.end(nil)
    if let id { loop.remove(id, descriptor) }
    if descriptor >= 0 { Socket.close(descriptor) }
    completion(result)
  }
}
