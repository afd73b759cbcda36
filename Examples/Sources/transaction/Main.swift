// usage: transaction [NAME-SERVER]
//
// Two payments. A consumer sees only the one whose local transaction succeeded.
import ApusClient

@main
enum Main {
  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    async let _ = client.run()

    let producer = try client.transactionProducer(group: "example-payments") { message in
      // The broker asks when it was never told, as after a crash in the middle: look it up in your database.
      print("asked about \(message.text)")
      return .unknown
    }
    for (payment, isCovered) in [("payment 1", true), ("payment 2", false)] {
      let (receipt, state) = try await producer.send(Message(topic: "ExamplePayments", text: payment)) { receipt in
        // The half message is stored and nobody sees it. Here belongs the local transaction.
        isCovered ? .commit : .rollback
      }
      print("\(payment) \(receipt.messageID): \(state)")
    }

    var configuration = PullConsumerConfiguration()
    configuration.start = .first
    let consumer = try client.pullConsumer(
      group: "example-ledger", subscriptions: [Subscription("ExamplePayments")], configuration)
    async let _ = consumer.run()
    for await message in consumer.messages.prefix(1) { print("delivered \(message.text)") }
  }
}
