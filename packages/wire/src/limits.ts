/**
 * The limits of the protocol. Both sides know them: a sender never goes beyond one, and a receiver takes
 * whoever does for dishonest. Changing one changes the protocol.
 */

/** A data channel message of 16 KiB passes every browser whole, and is the longest a small message must wait for. */
export const frameBytesMax = 16_384

/** What fits into one frame: the frame's type takes one byte. */
export const wholeMessageBytesMax = frameBytesMax - 1

/** One packet: the largest record (64 KiB) with its signature, the closest contacts and a full path; 96 KiB has room to spare. */
export const messageBytesMax = 98_304

/** Two of the largest messages and a bit, under way at once on one link: what a peer can make us hold for it. */
export const partialBytesMax = 262_144

/** What may wait on one link to be sent: five of the largest messages. Past it `send` is refused, which is back-pressure. */
export const queuedBytesMax = 524_288

/** Likewise, counted: a message of one byte costs about a hundred in memory. */
export const queuedMessagesMax = 4_096

/** Small messages that may overtake a waiting large one before one of its fragments has its turn: it is late, not starved. */
export const overtakesMax = 32

/** Links one packet may cross. Greedy routing takes log2(n)/b of them: 16 is four times what a million nodes need. */
export const hopsMax = 16

/** Nodes on the longest way: 16 links join 17 nodes. */
export const pathNodesMax = hopsMax + 1

/** The largest header of a packet: kind, hops, path length, target and a full path. */
export const packetHeaderBytesMax = 3 + 20 + 20 * pathNodesMax

/** A message inside the packet with the largest header, with its proof. */
export const bodyBytesMax = messageBytesMax - packetHeaderBytesMax

/** An SDP offer with one data channel is 0.5 to 1 KiB, a candidate about 150 bytes: 12 KiB is ten times the usual, and one frame. */
export const signalBytesMax = 12_288

/** Longest list of ICE candidates in one signal. A machine with many interfaces gathers about 20. */
export const candidatesMax = 32

/** One ICE candidate line; the longest seen are about 250 bytes. */
export const candidateBytesMax = 512

/** One message to or from an introduction server: a signal and who it is for, or a welcome with ICE servers. */
export const introductionBytesMax = 16_384

/** Greeters in one welcome: a newcomer dials a handful of them, the others are for when those fail. */
export const greetersMax = 16

/** The list of ICE servers, as JSON: a few URLs with credentials. */
export const iceServersJsonBytesMax = 4_096

/** The server's words to people on why it refused. */
export const refusedTextBytesMax = 200

/** Name of a network, UTF-8. */
export const networkNameBytesMax = 64

/** Value of one record. Larger things are split by who stores them: one record is one message. */
export const recordValueBytesMax = 65_536

/** k = 20 of the Kademlia paper (section 2.2). */
export const contactsMax = 20

/** Contacts that a request says it knows already: those near its target, two bytes each. */
export const knownContactsMax = 64

/** Records in one reply: one slot per author, and the caller asks on for `more`. Bounds what a decoder builds. */
export const recordsPerReplyMax = 64

/** Encoded records in one reply; the rest of the body is for contacts, header and proof. */
export const recordsPerReplyBytesMax = bodyBytesMax - 1_024

/** Payload of a ping, echoed by its pong: enough to measure a link with packets of a real size. */
export const pingPayloadBytesMax = 1_024

/** Entries of one digest: 512 of 16 bytes are 8 KiB, one frame. */
export const digestEntriesMax = 512

/** Label of a channel between two apps, UTF-8. */
export const channelLabelBytesMax = 64

/** Data of one `channel-data`: it fits into one whole frame, and whole frames keep their order. */
export const channelDataBytesMax = 16_256
