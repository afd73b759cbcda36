import ApusBase
import ApusClientCore
public import ApusModel
import ApusSystem

/// Messages that are answered: the asking side sends one and waits, the answering side consumes it and replies.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/producer/DefaultMQProducer.java
/// (`request`). Deviation: a reply goes to the broker first that the request came through, as the asking client is
/// known there for sure, then to the others; Java takes any broker of the reply topic.
extension Producer {
  /// Sends a message and waits for the reply to it. `timeout` is for both, and how long the answering side has (TTL).
  /// ``MessageClient/run()`` must run, as the brokers hand the reply over to it. When it throws
  /// ``ClientError/Code/timedOut`` or ``ClientError/Code/cancelled`` the message may have been stored, and answered,
  /// all the same; a reply that comes later is dropped.
  public func request(_ message: Message, timeout: Duration) async throws(ClientError) -> ReceivedMessage {
    try await ask(message, timeout) { outgoing, left throws(ClientError) in
      try await sendToAny(outgoing, timeout: left)
    }
  }

  /// As ``request(_:timeout:)``, by way of this queue.
  public func request(
    _ message: Message, to queue: MessageQueue, timeout: Duration
  ) async throws(ClientError) -> ReceivedMessage {
    let queue = try wrapped(queue, of: message.topic)
    return try await ask(message, timeout) { outgoing, left throws(ClientError) in
      try await send(outgoing, to: queue, timeout: left)
    }
  }

  /// As ``request(_:timeout:)``, by way of the queue that a selector picks.
  public func request(
    _ message: Message, by selector: QueueSelector, timeout: Duration
  ) async throws(ClientError) -> ReceivedMessage {
    try await ask(message, timeout) { outgoing, left throws(ClientError) in
      let deadline = SystemClock.monotonic() + left
      let queue = try await queue(of: message.topic, by: selector, until: deadline)
      return try await send(outgoing, to: queue, timeout: try deadline.left())
    }
  }

  private func ask(
    _ message: Message, _ timeout: Duration,
    _ send: (OutgoingMessage, Duration) async throws(ClientError) -> SendReceipt
  ) async throws(ClientError) -> ReceivedMessage {
    guard timeout >= .milliseconds(1) else {
      throw ClientError(.invalidArgument, "the timeout of a request is \(timeout), at least 1 ms is needed")
    }
    guard let client else { throw .ended }
    let deadline = SystemClock.monotonic() + timeout
    let id = String(decoding: runtime.nextKey(), as: UTF8.self)
    let outgoing = try prepare(
      message,
      extra: [
        ("CORRELATION_ID", id), ("REPLY_TO_CLIENT", runtime.clientID), ("TTL", "\(timeout.milliseconds)"),
      ])
    _ = try await route(String(decoding: outgoing.topic, as: UTF8.self), by: deadline)
    await client.introduce(by: deadline)
    let reply = client.replies.expect(id)
    defer { client.replies.forget(id) }
    let left = deadline - SystemClock.monotonic()
    _ = try await limited(outgoing, left) { left throws(ClientError) in try await send(outgoing, left) }
    let late = ClientError(
      .timedOut, "the request was sent, and no reply came within \(timeout)",
      advice: "See that somebody answers requests to \(message.topic), and that the client's run() is running.")
    let rest = max(deadline - SystemClock.monotonic(), .zero)
    return try await reply.value(ifCancelled: .failure(.cancelled), within: rest, ifLate: .failure(late)).get()
  }

  /// Answers a message that was sent as a request. Throws ``ClientError/Code/refused`` when the asking client is gone
  /// or does not take the reply, and ``ClientError/Code/invalidArgument`` for a message that is no request
  /// (``ReceivedMessage/isRequest``).
  @discardableResult
  public func reply(
    to request: ReceivedMessage, with body: [UInt8], properties: [String: String] = [:], timeout: Duration? = nil
  ) async throws(ClientError) -> SendReceipt {
    guard let cluster = request.properties["CLUSTER"], let asker = request.properties["REPLY_TO_CLIENT"],
      let id = request.properties["CORRELATION_ID"]
    else {
      throw ClientError(
        .invalidArgument, "the message \(request.messageID) is no request: it names nobody who waits for a reply")
    }
    var extra = [(name: "MSG_TYPE", value: "reply"), ("CORRELATION_ID", id), ("REPLY_TO_CLIENT", asker)]
    if let ttl = request.properties["TTL"] { extra.append(("TTL", ttl)) }
    let topic = SystemTopics.replyTopic(ofCluster: cluster)
    var outgoing = try OutgoingMessage(
      Message(topic: topic, body: body, properties: properties), topic: topic, key: runtime.nextKey(), extra: extra,
      maxBodyBytes: configuration.maxMessageBytes, kind: .reply)
    outgoing.compress(configuration)
    let deadline = SystemClock.monotonic() + (timeout ?? configuration.sendTimeout)
    let queues = try await route(topic, by: deadline).writeQueues
    let reply = outgoing
    return try await limited(reply, try deadline.left()) { left throws(ClientError) in
      try await hand(reply, to: Self.oneOfEach(queues, first: request.queue.brokerName), within: left)
    }
  }

  /// Answers a message that was sent as a request with a text.
  @discardableResult
  public func reply(
    to request: ReceivedMessage, with text: String, properties: [String: String] = [:], timeout: Duration? = nil
  ) async throws(ClientError) -> SendReceipt {
    try await reply(to: request, with: Array(text.utf8), properties: properties, timeout: timeout)
  }

  /// One queue of each broker, that of `first` before the others.
  private static func oneOfEach(_ queues: [MessageQueue], first: String) -> [MessageQueue] {
    var seen: Set<String> = []
    let each = queues.filter { seen.insert($0.brokerName).inserted }
    return each.filter { $0.brokerName == first } + each.filter { $0.brokerName != first }
  }

  private func hand(
    _ message: OutgoingMessage, to queues: [MessageQueue], within timeout: Duration
  ) async throws(ClientError) -> SendReceipt {
    let deadline = SystemClock.monotonic() + timeout
    var last = ClientError(.noQueue, "the cluster has no reply topic that can be written to")
    var failures: [String] = []
    for queue in queues {
      let left = deadline - SystemClock.monotonic()
      guard left > .zero else { break }
      do throws(ClientError) {
        return try await send(message, to: queue, timeout: left)
      } catch {
        if error.code == .cancelled { throw error }
        last = error
        failures.append("\(queue.brokerName): \(error.message)")
      }
    }
    last.attempts = failures.dropLast()
    throw last
  }
}

extension ReceivedMessage {
  /// Whether somebody waits for a reply to it: see ``Producer``, `reply`.
  public var isRequest: Bool { properties["REPLY_TO_CLIENT"] != nil && properties["CORRELATION_ID"] != nil }
}
