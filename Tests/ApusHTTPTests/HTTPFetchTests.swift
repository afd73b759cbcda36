import ApusBase
import ApusSystem
import Testing

@testable import ApusHTTP

@Suite(.timeLimit(.minutes(10))) struct HTTPFetchTests {
  /// A server that answers every connection's first bytes with the same text and closes it; or never answers.
  private final class TextServer: EventHandler, @unchecked Sendable {
    private final class Peer: EventHandler {
      private let descriptor: Int32
      private let answer: String?
      private var id: HandlerID?

      init(_ descriptor: Int32, _ answer: String?, on loop: EventLoop) throws {
        (self.descriptor, self.answer) = (descriptor, answer)
        id = try loop.add(descriptor, self)
      }

      func ready(_ events: ReadyEvents, on loop: EventLoop) {
        guard let answer, let id, events.allowReading else { return }
        _ = unsafe Socket.receive(descriptor, into: loop.readBuffer)
        _ = Socket.send(descriptor, Array(answer.utf8).rawSpan)
        loop.remove(id, descriptor)
        Socket.close(descriptor)
      }
    }

    let port: UInt16
    private let descriptor: Int32
    private let answer: String?

    init(_ answer: String?, on loop: EventLoop) throws {
      self.answer = answer
      descriptor = try Socket.listen(on: .loopback(port: 0))
      port = try Socket.localAddress(descriptor).port
      loop.execute { [self] in
        do {
          _ = try loop.add(descriptor, self)
        } catch {
          Issue.record("\(error)")
        }
      }
    }

    deinit { Socket.close(descriptor) }

    func ready(_ events: ReadyEvents, on loop: EventLoop) {
      guard case .connection(let descriptor, _) = Socket.accept(descriptor) else { return }
      do {
        _ = try Peer(descriptor, answer, on: loop)
      } catch {
        Issue.record("\(error)")
      }
    }
  }

  /// Fetches on a loop of its own.
  private func fetch(
    _ port: UInt16, path: String = "/", timeout: Duration = Patience.limit, on loop: EventLoop
  ) throws -> Result<HTTPAnswer, HTTPFetchError> {
    let url = try HTTPURL("http://127.0.0.1:\(port)\(path)")
    let result = Locked<Result<HTTPAnswer, HTTPFetchError>?>(nil)
    let done = WakeUp()
    HTTPFetch.get(url, from: .loopback(port: port), on: loop, timeout: timeout, bodyLimit: 1000) { answer in
      result.withLock { $0 = answer }
      done.signal()
    }
    while true {
      if let value = result.withLock({ $0 }) { return value }
      done.wait(until: nil)
    }
  }

  private func withLoop(_ body: (EventLoop) throws -> Void) throws {
    let loop = try EventLoop(index: 9, name: "test-fetch")
    try loop.start()
    defer {
      loop.stop()
      loop.join()
    }
    try body(loop)
  }

  @Test func `a server's answer is fetched`() throws {
    let server = try TestHTTPServer()
    try withLoop { loop in
      let answer = try fetch(server.port, path: "/nsaddr?x=y", on: loop).get()
      #expect(answer == HTTPAnswer(status: 200, body: Array("/nsaddr\n".utf8)))
    }
  }

  @Test func `what is refused is an answer too`() throws {
    try withLoop { loop in
      let server = try TextServer("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", on: loop)
      #expect(try fetch(server.port, on: loop).get().status == 302)
    }
  }

  @Test(arguments: [
    (String?.some("SSH-2.0-OpenSSH\r\n"), "first line"), ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "ended"),
    ("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 5000), "more than 1000"), (nil, "no answer in"),
  ])
  func `a server that does not answer rightly is an error`(text: String?, reason: String) throws {
    try withLoop { loop in
      let server = try TextServer(text, on: loop)
      let timeout = text == nil ? Duration.milliseconds(20) : Patience.limit
      guard case .failure(let error) = try fetch(server.port, timeout: timeout, on: loop) else {
        Issue.record("fetched")
        return
      }
      #expect(error.description.contains(reason))
    }
  }

  @Test func `a loop that stops ends what is under way`() throws {
    // Connections are taken, and nothing is answered.
    let listener = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(listener) }
    let address = try Socket.localAddress(listener)
    let url = try HTTPURL("http://127.0.0.1:\(address.port)/")
    let loop = try EventLoop(index: 9, name: "test-fetch")
    let result = Locked<Result<HTTPAnswer, HTTPFetchError>?>(nil)
    HTTPFetch.get(url, from: address, on: loop, timeout: Patience.limit) { answer in result.withLock { $0 = answer } }
    loop.stop()
    try loop.start()
    loop.join()
    #expect(result.withLock { $0 } == .failure(HTTPFetchError("the event loop has stopped")))
    #expect(loop.load == 0)
  }

  @Test func `a server that is not there is an error, and so is a loop that has stopped`() throws {
    // One end of a connection has the port, so that nobody else is given it.
    let listener = try Socket.listen(on: .loopback(port: 0))
    let end = try Socket.connect(to: Socket.localAddress(listener))
    defer { for descriptor in [listener, end] { Socket.close(descriptor) } }
    let port = try Socket.localAddress(end).port
    let loop = try EventLoop(index: 9, name: "test-fetch")
    try loop.start()
    guard case .failure(let error) = try fetch(port, on: loop) else {
      Issue.record("fetched from nobody")
      return
    }
    #expect(error.description.contains("Connection refused"))
    loop.stop()
    loop.join()
    #expect(try fetch(port, on: loop) == .failure(HTTPFetchError("the event loop has stopped")))
  }
}
