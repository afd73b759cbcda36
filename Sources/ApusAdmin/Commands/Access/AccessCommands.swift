import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol
import ApusSystem

/// `updateAclConfig`: makes an account or changes it.
struct UpdateAclConfigCommand: AdminCommand {
  static let description = forBrokers(
    "updateAclConfig", "Create an access control account or change it.",
    options: [
      Option("accessKey", "a", value: "KEY", required: true, help: "The account."),
      Option("secretKey", "s", value: "KEY", help: "Its secret, for everybody to see who may list processes."),
      Option("secretKeyFile", value: "FILE", help: "Take its secret from the first line of this file instead."),
      Option("whiteRemoteAddress", "w", value: "PATTERN", help: "Addresses from which it needs no signature."),
      Option("defaultTopicPerm", "i", value: "PERM", help: "What it may do with topics: DENY, PUB, SUB, PUB|SUB."),
      Option("defaultGroupPerm", "u", value: "PERM", help: "What it may do with groups."),
      Option("topicPerms", "t", value: "TOPIC=PERM,…", help: "What it may do with single topics."),
      Option("groupPerms", "g", value: "GROUP=PERM,…", help: "What it may do with single groups."),
      Option("admin", "m", value: "true|false", help: "Whether it may administer."),
    ])

  private let target: BrokerTarget
  private let account: UpdateAndCreateACLConfig.Request

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    func list(_ name: String) -> [String] {
      arguments.trimmed(name)?.split(separator: ",").map(String.init) ?? []
    }
    account = UpdateAndCreateACLConfig.Request(
      accessKey: try arguments.required("accessKey"), secretKey: try Self.secret(arguments),
      whiteRemoteAddress: arguments.trimmed("whiteRemoteAddress"), isAdmin: try arguments.bool("admin"),
      defaultTopicPermission: arguments.trimmed("defaultTopicPerm"),
      defaultGroupPermission: arguments.trimmed("defaultGroupPerm"), topicPermissions: list("topicPerms"),
      groupPermissions: list("groupPerms"))
  }

  /// The secret of a file or of the command line; one of them has to be there.
  private static func secret(_ arguments: Arguments) throws(CommandFailure) -> String {
    guard let path = arguments.trimmed("secretKeyFile") else {
      guard arguments.has("secretKey") else {
        throw arguments.failure("say its secret: --secretKeyFile FILE, or -s KEY")
      }
      return try arguments.required("secretKey")
    }
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try ProcessIO.contents(of: path)
    } catch {
      throw arguments.failure("the secret cannot be read: \(error)")
    }
    let line = String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }
    guard !line.isEmpty else { throw arguments.failure("the first line of \(path) holds no secret") }
    return String(line)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await target.each(.all, session) { address throws(AdminError) in
      try await session.client.updateAccount(account, at: address)
      session.say(
        "create or update plain access config to \(address) success.",
        ["accessKey": .text(account.accessKey), "broker": .text(address), "result": "updated"])
    }
    session.say(account.shownText)
  }
}

extension UpdateAndCreateACLConfig.Request {
  /// The account without its secret. Java prints an object's address here.
  fileprivate var shownText: String {
    let fields: [(String, String?)] = [
      ("accessKey", accessKey), ("whiteRemoteAddress", whiteRemoteAddress), ("admin", isAdmin.map { "\($0)" }),
      ("defaultTopicPerm", defaultTopicPermission), ("defaultGroupPerm", defaultGroupPermission),
      ("topicPerms", topicPermissions.isEmpty ? nil : "[\(topicPermissions.joined(separator: ", "))]"),
      ("groupPerms", groupPermissions.isEmpty ? nil : "[\(groupPermissions.joined(separator: ", "))]"),
    ]
    let shown = fields.compactMap { name, value in value.map { "\(name)=\($0)" } }
    return "PlainAccessConfig [\(shown.joined(separator: ", "))]"
  }
}

/// `deleteAclConfig`: removes an account.
struct DeleteAclConfigCommand: AdminCommand {
  static let description = forBrokers(
    "deleteAclConfig", "Delete an access control account.",
    options: [
      Option("accessKey", "a", value: "KEY", required: true, help: "The account.")
    ], destroys: "delete the account")

  private let target: BrokerTarget
  private let accessKey: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    accessKey = try arguments.required("accessKey")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("delete the account '\(accessKey)'")
    try await target.each(.all, session) { address throws(AdminError) in
      try await session.client.deleteAccount(accessKey, at: address)
      session.say(
        "delete plain access config account from \(address) success.",
        ["accessKey": .text(accessKey), "broker": .text(address), "result": "deleted"])
    }
    session.say("account's accesskey is:\(accessKey)")
  }
}

/// `clusterAclConfigVersion`: which access control files brokers have, and since when.
struct ClusterAclConfigVersionCommand: AdminCommand {
  static let description = forBrokers(
    "clusterAclConfigVersion", "Show the versions of brokers' access control files.")

  static let table = Table(
    "%-16s  %-22s  %-22s  %-20s  %-22s  %-22s",
    [
      .init("#Cluster Name", "cluster"), .init("#Broker Name", "brokerName"), .init("#Broker Addr", "broker"),
      .init("#AclFilePath", "aclFilePath"), .init("#AclConfigVersionNum", "versionNum"),
      .init("#AclLastUpdateTime", "lastUpdateTimestamp"),
    ])

  private let target: BrokerTarget

  init(_ arguments: Arguments) throws(CommandFailure) { target = try BrokerTarget(required: arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    var place = "broker"
    if case .cluster = target {
      place = "cluster"
      session.begin(Self.table)
    }
    try await target.each(.masters, session) { address throws(AdminError) in
      let found = try await session.client.accessVersions(at: address)
      for file in found.files {
        session.row(
          Self.table,
          [
            .text(found.cluster), .text(found.broker), .text(found.address), .text(file.path),
            Cell(file.version.counter), .seconds(file.version.timestamp),
          ])
      }
    }
    session.say("get \(place)'s plain access config version success.")
  }
}

/// `updateGlobalWhiteAddr`: sets the addresses that need no account.
struct UpdateGlobalWhiteAddrCommand: AdminCommand {
  static let description = forBrokers(
    "updateGlobalWhiteAddr", "Set the addresses that need no account.",
    options: [
      Option("globalWhiteRemoteAddresses", "g", value: "PATTERN,…", required: true, help: "The addresses."),
      Option("aclFileFullPath", "p", value: "FILE", help: "The broker's file that says so (plain_acl.yml)."),
    ])

  private let target: BrokerTarget
  private let addresses: String
  private let path: String?

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    addresses = try arguments.required("globalWhiteRemoteAddresses")
    path = arguments.trimmed("aclFileFullPath")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await target.each(.all, session) { address throws(AdminError) in
      try await session.client.updateWhiteAddresses(addresses, path: path, at: address)
      session.say(
        "update global white remote addresses to \(address) success.",
        ["broker": .text(address), "globalWhiteRemoteAddresses": .text(addresses)])
    }
  }
}
