import ApusCommandLine

/// Taking the permission to write from a broker group at all name servers, or giving it back.
struct WritePermission: Hashable, Sendable {
  let brokerName: String

  static let options = [
    Option("brokerName", "b", value: "NAME", required: true, help: "The broker group.")
  ]

  init(_ arguments: Arguments) throws(CommandFailure) { brokerName = try arguments.required("brokerName") }

  func run(
    _ verb: String, _ session: AdminSession, _ work: (AdminClient, String) async throws(AdminError) -> Int
  ) async throws(AdminError) {
    var topicCount = 0
    let what = "\(verb) write perm of broker[\(brokerName)] in name server"
    try await session.each(session.client.nameServers) { server throws(AdminError) in
      do throws(AdminError) {
        let count = try await work(session.client, server)
        topicCount += count
        session.say(
          "\(what)[\(server)] OK, \(count)",
          ["brokerName": .text(brokerName), "nameServer": .text(server), "topicCount": Cell(count)])
      } catch {
        session.say("\(what)[\(server)] Failed")
        throw error
      }
    }
    // A broker registers topics of its own even when it has no others.
    guard topicCount > 0 else {
      throw AdminError("no name server knows a topic of the broker group '\(brokerName)'")
    }
  }
}

/// `wipeWritePerm`: nobody sends to a broker group any more, until it registers anew.
struct WipeWritePermCommand: AdminCommand {
  static let description = admin(
    "wipeWritePerm", "Take the permission to write from a broker group, at all name servers.",
    options: WritePermission.options, destroys: "stop all sends to the broker group")

  private let permission: WritePermission

  init(_ arguments: Arguments) throws(CommandFailure) { permission = try WritePermission(arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("stop all sends to the broker group '\(permission.brokerName)'")
    try await permission.run("wipe", session) { client, server throws(AdminError) in
      try await client.wipeWritePermission(of: permission.brokerName, atNameServer: server)
    }
  }
}

/// `addWritePerm`: a broker group is sent to again.
struct AddWritePermCommand: AdminCommand {
  static let description = admin(
    "addWritePerm", "Give a broker group back the permission to write, at all name servers.",
    options: WritePermission.options)

  private let permission: WritePermission

  init(_ arguments: Arguments) throws(CommandFailure) { permission = try WritePermission(arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await permission.run("add", session) { client, server throws(AdminError) in
      try await client.addWritePermission(of: permission.brokerName, atNameServer: server)
    }
  }
}
