// usage: request-reply [NAME-SERVER]
//
// A question that waits for its answer, and the consumer that answers.
import ApusClient

@main
enum Main {
  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    async let _ = client.run()

    let answering = try client.producer(group: "example-answers")
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    let consumer = try client.pushConsumer(
      group: "example-clerks", subscriptions: [Subscription("ExampleQuestions")], configuration,
      listener: .concurrent { messages in
        // What is no request, or too old to be waited for, is left alone.
        for message in messages where message.isRequest {
          try await answering.reply(to: message, with: "\(message.text) It is 42.")
        }
        return .success
      })
    async let _ = consumer.run()

    let asking = try client.producer(group: "example-questions")
    let question = Message(topic: "ExampleQuestions", text: "What is the answer?")
    print(try await asking.request(question, timeout: .seconds(10)).text)
  }
}
