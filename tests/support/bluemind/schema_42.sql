-- BlueMind 4.2: the tables of 4.0 after the upgrades on the way. The GUIDs of messages have become bytes.

\ir schema_40.sql

ALTER TABLE t_message_body ALTER COLUMN guid TYPE bytea USING decode(guid, 'hex');
ALTER TABLE t_mailbox_record ALTER COLUMN message_body_guid TYPE bytea USING decode(message_body_guid, 'hex');
ALTER TABLE t_domain_user ADD COLUMN password_lastchange timestamp;
CREATE TABLE t_subtree_uid (
    domain_uid text NOT NULL,
    mailbox_uid text NOT NULL,
    mailbox_name text NOT NULL,
    namespace text NOT NULL,
    PRIMARY KEY (domain_uid, mailbox_uid)
);
