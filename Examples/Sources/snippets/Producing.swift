// What docs/client.md and the API's articles show of sending. A test holds that each block there is found here.
import ApusClient

func connect() async throws {
  let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:9876"]))
  async let _ = client.run()

  let producer = try client.producer(group: "shop")
  let receipt = try await producer.send(Message(topic: "Orders", text: "order 1", tag: "new", keys: ["1"]))
  print(receipt.messageID, receipt.status, receipt.queue.queueID, receipt.queueOffset)
}

func credentials() throws -> MessageClient {
  var configuration = ClientConfiguration(nameServers: ["mq-1:9876", "mq-2:9876"])
  configuration.namespace = "staging"
  configuration.credentials = ClientCredentials(accessKey: "order-service", secretKey: "…")
  return try MessageClient(configuration)
}

func encrypted() throws -> MessageClient {
  var configuration = ClientConfiguration(nameServers: ["mq-1.example.org:9876"])
  configuration.tls = TLSConfiguration(trust: .file("authorities.pem"))
  return try MessageClient(configuration)
}

func manyAtOnce(_ producer: Producer, _ messages: [Message]) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for message in messages {
      group.addTask { _ = try await producer.send(message, timeout: .seconds(2)) }
    }
    try await group.waitForAll()
  }
}

func batch(_ producer: Producer) async throws {
  let receipts = try await producer.send((1...1000).map { Message(topic: "Orders", text: "order \($0)") })
  print(receipts.count)
}

func oneway(_ producer: Producer) async throws {
  try await producer.sendOneway(Message(topic: "Clicks", text: "…"))
}

func ordered(_ producer: Producer, _ order: Int) async throws {
  let message = Message(topic: "Orders", text: "paid", keys: ["\(order)"])
  try await producer.send(message) { queues in queues[order % queues.count] }
}

func delayed(_ producer: Producer) async throws {
  try await producer.send(Message(topic: "Orders", text: "remind", delivery: .after(.seconds(90))))
  try await producer.send(Message(topic: "Orders", text: "remind", delivery: .at(milliseconds: 1_893_456_000_000)))
  try await producer.send(Message(topic: "Orders", text: "remind", delivery: .level(3)))
}

func transaction(_ client: MessageClient, _ orders: OrderTable) async throws {
  let producer = try client.transactionProducer(group: "payments") { message in
    // Asked when the broker was not told, also by another process of the group.
    await orders.isPaid(message.keys.first) ? .commit : .rollback
  }
  let message = Message(topic: "Payments", text: "order 1 paid", keys: ["1"])
  let (receipt, state) = try await producer.send(message) { receipt in
    try await orders.pay("1")
    return .commit
  }
  print(receipt.messageID, state)
}

func fast(_ client: MessageClient, _ producer: Producer, _ next: @escaping @Sendable () -> Message?) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for _ in 0..<256 {
      group.addTask(executorPreference: client.executor) {
        while let message = next() { try await producer.send(message) }
      }
    }
    try await group.waitForAll()
  }
}

func ask(_ asking: Producer) async throws {
  let answer = try await asking.request(Message(topic: "Prices", text: "apples"), timeout: .seconds(3))
  print(answer.text)
}

func failures(_ producer: Producer, _ message: Message) async throws {
  do {
    try await producer.send(message)
  } catch {
    switch error.code {
    // Perhaps stored: send it again only if consumers can bear it twice.
    case .timedOut, .connectionLost, .cancelled: print(error)
    // Not stored: wait, then try again.
    case .busy: print(error.attempts)
    default: throw error
    }
  }
}

/// Stands for an application's own database.
protocol OrderTable: Sendable {
  func isPaid(_ order: String?) async -> Bool
  func pay(_ order: String) async throws
}
