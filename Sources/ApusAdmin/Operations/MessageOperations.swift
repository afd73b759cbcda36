import ApusBase
package import ApusClient
package import ApusModel
package import ApusProtocol

extension AdminClient {
  /// 33: the message whose record begins at an offset of a broker's log.
  package func message(_ id: MessageID) async throws(AdminError) -> ReceivedMessage {
    let broker = "\(id.host)"
    let answer = try await ask(ViewMessageByID.Request(offset: id.offset.rawValue), at: broker)
    guard let message = try Self.messages(answer, from: broker).first else {
      throw AdminError("the broker \(broker) answered without a message")
    }
    return message
  }

  /// 12: the messages of a topic that a broker finds by a key in its index; none when it finds none.
  package func messages(
    of topic: String, key: String, isUnique: Bool, limit: Int32, at broker: String
  ) async throws(AdminError) -> [ReceivedMessage] {
    let request = QueryMessage.Request(
      topic: topic, key: key, maxCount: limit, beginTime: 0, endTime: Int64.max, isUniqueKey: isUnique)
    do throws(AdminError) {
      return try Self.messages(try await ask(request, at: broker), from: broker)
    } catch {
      if error.code == .queryNotFound { return [] }
      throw error
    }
  }

  /// 309: has a member of a group consume a message, and says what came of it.
  package func consume(
    _ message: ReceivedMessage, by clientID: String, of group: String
  ) async throws(AdminError) -> DirectConsumption {
    let request = ConsumeMessageDirectly.Request(
      consumerGroup: group, clientID: clientID, messageID: message.offsetMessageID)
    return try await ask(request, at: message.storeHost, timeout: .seconds(15), for: DirectConsumption.self)
  }

  private static func messages(_ answer: Command, from broker: String) throws(AdminError) -> [ReceivedMessage] {
    do throws(ClientError) {
      return try ReceivedMessage.records(in: answer.body, broker: broker)
    } catch {
      throw AdminError(error)
    }
  }
}

extension AdminSession {
  /// The messages of a topic with a key, at all its brokers, oldest first. The index holds hashes: what only shares the
  /// hash of the key is left out. Brokers that fail are named on standard error, and in `failure`, which whoever shows
  /// the messages of the others throws afterwards.
  func messages(
    of topic: String, key: String, isUnique: Bool, limit: Int32
  ) async throws(AdminError) -> (found: [ReceivedMessage], failure: AdminError?) {
    let brokers = try await client.route(of: topic).brokers.compactMap(\.preferredAddress)
    let (parts, failure) = await gather(from: brokers) { address throws(AdminError) in
      try await client.messages(of: topic, key: key, isUnique: isUnique, limit: limit, at: address)
    }
    let found = parts.joined().filter {
      isUnique ? $0.messageID == key : $0.keys.contains(key) || $0.messageID == key
    }
    return (found.sorted { $0.storeMilliseconds < $1.storeMilliseconds }, failure)
  }

  /// The message of an id: the broker's, which says where it lies, or its producer's, by which it is looked for.
  func message(_ id: String, of topic: String) async throws(AdminError) -> ReceivedMessage {
    if let place = MessageID(offsetID: id) { return try await client.message(place) }
    let (found, failure) = try await messages(of: topic, key: id, isUnique: true, limit: 32)
    guard let message = found.first else {
      throw failure ?? AdminError("the topic '\(topic)' has no message with the id \(id)")
    }
    return message
  }
}

extension MessageID {
  /// Reads an id that a broker gave; nil for a text of another form. The ids of producers are of the same form, but
  /// their place for the port holds other things, which no port can be.
  init?(offsetID text: String) {
    do throws(DecodeError) {
      self = try MessageID(text)
    } catch {
      return nil
    }
    guard (1...65_535).contains(Int(host.port)) else { return nil }
  }
}
