import ApusBase
import ApusModel

/// Several messages of one topic in one request: stored together, one behind the other in one queue.
struct Batch: Sendable {
  /// The batch as it is sent.
  let outgoing: OutgoingMessage
  /// The ids of its messages, in their order.
  let messageIDs: [String]

  /// Puts messages into as few batches as the limit allows, in their order.
  static func split(
    _ messages: [Message], topic: String, maxBodyBytes: Int, nextKey: () -> [UInt8]
  ) throws(ClientError) -> [Batch] {
    try check(messages)
    var batches: [Batch] = []
    var body = ByteWriter(capacity: 4096)
    var ids: [String] = []
    let waits = messages.first?.waitsForStore ?? true
    for message in messages {
      let item = try OutgoingMessage(message, topic: topic, key: nextKey(), maxBodyBytes: maxBodyBytes)
      let bytes = 22 + item.body.count + item.properties.count
      guard bytes <= maxBodyBytes else {
        throw ClientError(
          .messageTooLarge, "a message of \(bytes) bytes fits no batch: maxMessageSize is \(maxBodyBytes)")
      }
      if body.count + bytes > maxBodyBytes {
        batches.append(try Batch(body.array, ids, topic: topic, waits: waits))
        body.removeAll()
        ids = []
      }
      write(item, bytes, into: &body)
      ids.append(item.messageID)
    }
    batches.append(try Batch(body.array, ids, topic: topic, waits: waits))
    return batches
  }

  private init(_ body: [UInt8], _ ids: [String], topic: String, waits: Bool) throws(ClientError) {
    messageIDs = ids
    outgoing = OutgoingMessage(
      batch: body, topic: topic, ids: ids,
      properties: try OutgoingMessage.encode([(name: "WAIT", value: waits ? "true" : "false")]))
  }

  private static func check(_ messages: [Message]) throws(ClientError) {
    guard let first = messages.first else { throw ClientError(.invalidArgument, "the batch is empty") }
    guard !first.topic.hasPrefix("%RETRY%") else {
      throw ClientError(.invalidArgument, "messages to a retry topic cannot be sent in a batch")
    }
    for message in messages {
      guard message.topic == first.topic else {
        throw ClientError(
          .invalidArgument, "the messages of a batch have one topic, not \(first.topic) and \(message.topic)")
      }
      guard message.waitsForStore == first.waitsForStore else {
        throw ClientError(.invalidArgument, "the messages of a batch have one waitsForStore")
      }
      guard message.delivery == .now else {
        throw ClientError(.invalidArgument, "delayed messages cannot be sent in a batch")
      }
    }
  }

  /// The layout is that of ``BatchBody``.
  private static func write(_ item: OutgoingMessage, _ bytes: Int, into body: inout ByteWriter) {
    body.write(Int32(bytes))
    body.write(Int32(0))
    body.write(Int32(0))
    body.write(item.flag)
    body.write(Int32(item.body.count))
    body.write(item.body)
    body.write(Int16(item.properties.count))
    body.write(item.properties)
  }
}

extension OutgoingMessage {
  /// A batch whose items are encoded.
  init(batch body: [UInt8], topic: String, ids: [String], properties: [UInt8]) {
    kind = .batch
    self.topic = Array(topic.utf8)
    self.body = body
    self.properties = properties
    sysFlag = []
    flag = 0
    messageID = ids.joined(separator: ",")
  }
}

extension SendReceipt {
  /// The receipts of a batch's messages, which lie one behind the other.
  func items(_ messageIDs: [String]) -> [SendReceipt] {
    let offsets = offsetMessageID.split(separator: ",").map(String.init)
    return messageIDs.enumerated().map { index, id in
      var receipt = self
      receipt.messageID = id
      receipt.offsetMessageID = index < offsets.count ? offsets[index] : ""
      receipt.queueOffset = queueOffset &+ Int64(index)
      return receipt
    }
  }
}
