public import ApusBase
public import ApusModel

/// An offset for each of some queues.
public struct QueueOffsets: Hashable, Sendable {
  /// One queue.
  public struct Entry: Hashable, Sendable {
    /// The queue.
    public var queue: MessageQueue
    /// The offset.
    public var offset: Int64

    /// Pairs both.
    public init(_ queue: MessageQueue, _ offset: Int64) {
      self.queue = queue
      self.offset = offset
    }
  }

  /// The queues.
  public var entries: [Entry]

  /// Lists queues.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads the form with queues as keys.
  init(members: [JSONMember]) throws(DecodeError) {
    entries = []
    for member in members {
      guard let offset = member.value.int64 else {
        throw DecodeError(field: "offsetTable", offset: 0, reason: "an offset is not a number")
      }
      entries.append(Entry(try member.key.queueKey(), offset))
    }
  }

  /// The form with queues as keys.
  var json: JSONValue { .object(entries.map { JSONMember($0.queue.json, .integer($0.offset)) }) }
}

/// Where consumers go on: the body of codes 220 and 222. C++ clients take a list instead of a table whose keys are
/// objects.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ResetOffsetBody.java
/// and ResetOffsetBodyForC.java
public struct ResetOffsetBody: JSONBody {
  /// The offsets.
  public var offsets: QueueOffsets

  /// Tells offsets.
  public init(_ offsets: QueueOffsets) { self.offsets = offsets }

  /// Reads either form.
  public init(json: JSONValue) throws(DecodeError) {
    guard let elements = json["offsetTable"]?.elements else {
      offsets = try QueueOffsets(members: try json.table("offsetTable"))
      return
    }
    var entries: [QueueOffsets.Entry] = []
    for element in elements {
      guard let offset = element["offset"]?.int64 else {
        throw DecodeError(field: "offsetTable", offset: 0, reason: "an offset is missing or not a number")
      }
      entries.append(QueueOffsets.Entry(try MessageQueue(json: element), offset))
    }
    offsets = QueueOffsets(entries)
  }

  /// The JSON form with queues as keys.
  public var json: JSONValue { JSONValue(members: ["offsetTable": offsets.json]) }

  /// The JSON form for C++ clients.
  public var listJSON: JSONValue {
    let list = offsets.entries.map {
      JSONValue(members: [
        "brokerName": .string($0.queue.brokerName), "offset": JSONValue($0.offset),
        "queueId": JSONValue($0.queue.queueID), "topic": .string($0.queue.topic),
      ])
    }
    return JSONValue(members: ["offsetTable": .array(list)])
  }
}

/// Where consumers are in their queues: a client's answer to 221, and a broker's to 223.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/GetConsumerStatusBody.java
public struct ConsumerStatusBody: JSONBody {
  /// One client.
  public struct Client: Hashable, Sendable {
    /// The client.
    public var id: String
    /// Where it is.
    public var offsets: QueueOffsets

    /// Describes a client.
    public init(_ id: String, _ offsets: QueueOffsets) {
      self.id = id
      self.offsets = offsets
    }
  }

  /// Where the answering client is; empty in a broker's answer.
  public var queues: QueueOffsets
  /// Where each client is; empty in a client's answer.
  public var clients: [Client]

  /// Describes progress.
  public init(queues: QueueOffsets = QueueOffsets([]), clients: [Client] = []) {
    self.queues = queues
    self.clients = clients
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    queues = try QueueOffsets(members: try json.table("messageQueueTable"))
    clients = []
    for member in try json.table("consumerTable") {
      clients.append(Client(member.key.text ?? "", try QueueOffsets(members: member.value.members ?? [])))
    }
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "consumerTable": .object(clients.map { JSONMember($0.id, $0.offsets.json) }), "messageQueueTable": queues.json,
    ])
  }
}
