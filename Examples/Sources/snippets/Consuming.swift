// What docs/client.md and the API's articles show of consuming. A test holds that each block there is found here.
import ApusClient

func push(_ client: MessageClient, _ bill: @escaping @Sendable (String) async throws -> Void) async throws {
  let consumer = try client.pushConsumer(
    group: "billing", subscriptions: [Subscription("Orders", .tags("new || changed"))],
    listener: .concurrent { messages in
      for message in messages { try await bill(message.text) }
      return .success
    })
  try await consumer.run()
}

func retries(
  _ client: MessageClient, _ bill: @escaping @Sendable (ReceivedMessage) async -> Bool
) throws -> PushConsumer {
  var configuration = ConsumerConfiguration()
  configuration.maxReconsumeTimes = 5
  return try client.pushConsumer(
    group: "billing", subscriptions: [Subscription("Orders")], configuration,
    listener: .concurrent { messages in
      for (index, message) in messages.enumerated() {
        guard await bill(message) else { return .partial(succeeded: index) }
      }
      return .success
    })
}

func answer(
  _ client: MessageClient, _ answering: Producer, _ price: @escaping @Sendable (String) async throws -> String
) throws -> PushConsumer {
  try client.pushConsumer(
    group: "clerks", subscriptions: [Subscription("Prices")],
    listener: .concurrent { messages in
      for message in messages where message.isRequest {
        try await answering.reply(to: message, with: try await price(message.text))
      }
      return .success
    })
}

func orderly(_ client: MessageClient, _ apply: @escaping @Sendable (ReceivedMessage) async -> Bool) throws {
  let consumer = try client.pushConsumer(
    group: "warehouse", subscriptions: [Subscription("Orders")],
    listener: .orderly { messages in
      for message in messages {
        guard await apply(message) else { return .suspend(for: .seconds(2)) }
      }
      return .success
    })
  print(consumer.queues)
}

func conditions(_ client: MessageClient, _ producer: Producer, _ listener: Listener) async throws -> PushConsumer {
  try await producer.send(Message(topic: "Orders", text: "…", properties: ["region": "EU", "amount": "12"]))
  let large = Subscription("Orders", .sql("region = 'EU' AND amount > 10"))
  return try client.pushConsumer(group: "europe", subscriptions: [large], listener: listener)
}

func settings(_ client: MessageClient, _ listener: Listener) throws -> PushConsumer {
  var configuration = ConsumerConfiguration()
  configuration.start = .first
  configuration.concurrency = 64
  configuration.batchSize = 32
  configuration.rebalance = .averageByCircle
  return try client.pushConsumer(
    group: "search", subscriptions: [Subscription("Orders")], configuration, listener: listener)
}

func sequence(_ client: MessageClient) async throws {
  let consumer = try client.pullConsumer(group: "audit", subscriptions: [Subscription("Orders")])
  async let running: Void = consumer.run()
  for await message in consumer.messages {
    print(message.queue.queueID, message.queueOffset, message.text)
  }
  try await running
}

func assigned(_ client: MessageClient, _ store: ([ReceivedMessage]) async throws -> Void) async throws {
  var configuration = PullConsumerConfiguration()
  configuration.commitsByItself = false
  let consumer = try client.pullConsumer(group: "replay", configuration)
  async let _ = consumer.run()
  consumer.assign(try await consumer.queues(of: "Orders"))
  while let messages = await consumer.poll() {
    try await store(messages)
    await consumer.commit()
  }
}

func places(_ consumer: PullConsumer, _ yesterday: Int64) async throws {
  for queue in consumer.queues {
    try consumer.seek(queue, to: try await consumer.offset(of: queue, at: yesterday))
  }
}
